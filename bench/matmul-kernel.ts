/** GFLOP/s of rendered matrix products on one thread, without anything around them: node [--experimental-wasm-relaxed-simd] */
import { Module } from "node:module";
