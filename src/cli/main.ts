#!/usr/bin/env node
/** `npx cotangent`: chooses the command; exit code 2 and one line for input that cannot be used. */
import { CotangentError } from "../index.js";
import { type Reader, readArguments } from "./arguments.js";
import * as convert from "./convert.js";
import { UsageError } from "./failure.js";
import * as generate from "./generate.js";
import * as info from "./info.js";
import * as inspect from "./inspect.js";
import * as train from "./train.js";

interface Command {
  readonly help: string;
  readonly options: Readonly<Record<string, { readonly type: "string" | "boolean" }>>;
  run(reader: Reader): void | Promise<void>;
}

const commands: Readonly<Record<string, Command>> = { train, generate, convert, inspect, info };

const help = `Usage: cotangent COMMAND [options]

  train      trains a small language model on a text
  generate   writes text with a model from a folder
  convert    files of arrays and models from one format, dtype or quantization to another
  inspect    the arrays and metadata of a file
  info       device, threads, BLAS and features

cotangent COMMAND --help explains each.`;

const main = async ([name, ...rest]: readonly string[]): Promise<void> => {
  if (name === undefined || name === "--help" || name === "-h" || name === "help") {
    console.log(help);
    return;
  }
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command === undefined)
    throw new UsageError(
      `expects a command among ${Object.keys(commands).join(", ")}, got ${name}: see cotangent --help`,
    );
  if (rest.includes("--help") || rest.includes("-h")) {
    console.log(command.help);
    return;
  }
  try {
    await command.run(readArguments(rest, command.options));
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new UsageError(`${name} ${error.message}; see cotangent ${name} --help`);
  }
};

try {
  await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof UsageError || error instanceof CotangentError)) throw error;
  console.error(`cotangent: ${error.message}`);
  process.exitCode = 2;
}
