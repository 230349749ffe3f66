export { areaOf as area } from "./area.ts";
export * from "./shapes.ts";
