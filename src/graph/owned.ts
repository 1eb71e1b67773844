/** Handles that the library made for state of its own, and may therefore give new values in place. */

const owned = new WeakSet<object>();

export const own = <H extends object>(handle: H): H => {
  owned.add(handle);
  return handle;
};

export const isOwned = (handle: object): boolean => owned.has(handle);
