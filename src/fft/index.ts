/** Fourier transforms, the frequencies that belong to them, and shifts of these. */
export type { Norm } from "./arguments.js";
export {
  fftfreq,
  fftshift,
  ifftshift,
  rfftfreq,
  type ShiftOptions,
  type SpacingOptions,
} from "./frequencies.js";
export {
  type FftnOptions,
  type FftOptions,
  fft,
  fft2,
  fftn,
  ifft,
  ifft2,
  ifftn,
  irfft,
  irfft2,
  irfftn,
  rfft,
  rfft2,
  rfftn,
} from "./transform.js";
