/**
 * What the methods of a map do in a simulated machine. Keys and values are those of kernel TypeScript: numbers and
 * bigints for scalars, views for structs and arrays. Results below 0 are negative errno values.
 */
export interface MapStorage {
  lookup(key: unknown): unknown;
  lookupOn(key: unknown, cpu: number): unknown;
  at(index: number): unknown;
  update(key: unknown, value: unknown, flags: number): number;
  delete(key: unknown): number;
  output(record: unknown, flags: number): number;
  lookupMap(key: unknown): MapStorage | null;
  /** The element whose value this view is. */
  elementOf(value: unknown): { readonly key: unknown; readonly value: unknown };
  /** Calls back for each element until the callback returns other than 0; returns how many calls there were. */
  walk(callback: (key: unknown, value: unknown) => number): number;
}
