/** The device suite on every device. */
import { ReferenceDevice } from "../../src/device/reference/device.js";
import { WasmDevice } from "../../src/device/wasm/device.js";
import { render } from "../../src/render/wasm/index.js";
import { deviceSuite } from "./suite.js";

deviceSuite("reference", () => new ReferenceDevice());
deviceSuite("wasm", () => new WasmDevice({ render }));
