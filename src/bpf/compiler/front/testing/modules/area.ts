import { type Shape, type Sides, shapes } from "./shapes.ts";

const FACTOR = 2 + 3;

function hidden(sides: Sides): Sides {
  return (sides * FACTOR) >>> 0;
}

/** The area of a shape, by its index. */
export function areaOf(index: Sides): Sides {
  const shape: Shape | null = shapes.lookup(index);
  return shape === null ? hidden(index) : shape.area;
}
