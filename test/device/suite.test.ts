/** The device suite on every device. */
import { ReferenceDevice } from "../../src/device/reference/device.js";
import { deviceSuite } from "./suite.js";

deviceSuite("reference", () => new ReferenceDevice());
