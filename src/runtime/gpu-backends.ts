/** What MLX says about backends for graphics processors: `mx.metal` and `mx.cuda`. */

/**
 * Whether there is this backend. There is not.
 *
 * @example mx.metal.isAvailable() // false
 * @see mlx.core.metal.is_available
 */
export const isAvailable = (): boolean => false;
