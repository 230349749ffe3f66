/** Lowers `object.name` and `object[index]`. */
import type * as t from "@babel/types";
import type { Context } from "./context.ts";
import { described, mismatch } from "./describe.ts";
import { lower } from "./expression.ts";
import { elementOf, fieldOf, type Place, placeOf, read } from "./memory.ts";
import { evaluatedValue, optionValue } from "./name.ts";
import { packetField } from "./packet.ts";
import { propertyName } from "./property.ts";
import { refusal } from "./refusal.ts";
import { constantNumber, knownNumber, type Value } from "./value.ts";

/** The value of a member expression. */
export function lowerMember(cx: Context, node: t.MemberExpression): Value {
  const object = lower(cx, node.object);
  switch (object.kind) {
    case "reference":
    case "null":
      return lowerInMemory(cx, node, object);
    case "packet":
      return packetField(cx, object.reg, propertyName(node), node).read();
    case "static":
      return lowerStatic(cx, node, object.value);
    case "namespace": {
      const name = propertyName(node);
      const entity = name === undefined ? undefined : cx.shared.program.exported(object.id, name);
      if (entity?.kind === "value") return evaluatedValue(cx, entity.value, name!, node);
      if (entity?.kind === "function") return { kind: "function", source: entity.source };
      throw cx.error("COMPILE_NAME", `the module exports no ${name ?? "such name"}; import it by name`, node);
    }
    case "map":
      throw cx.error(
        "COMPILE_FIELD",
        "of a map only the methods are used here: lookup, update, delete …",
        node,
      );
    default:
      throw cx.error("COMPILE_FIELD", `${described(object)} has no fields`, node);
  }
}

function lowerInMemory(cx: Context, node: t.MemberExpression, object: Value): Value {
  const place = placeOf(cx, object, node.object);
  if (propertyName(node) === "length" && place.schema.kind === "array") {
    return constantNumber(place.schema.length);
  }
  return read(cx, memberPlace(cx, node, place), node);
}

/** The field or element of `place` that the expression names. */
export function memberPlace(cx: Context, node: t.MemberExpression, place: Place): Place {
  const name = propertyName(node);
  if (name !== undefined) return fieldOf(cx, place, name, node.property);
  if (node.property.type === "PrivateName") throw refusal(cx, node);
  const index = lower(cx, node.property);
  if (index.kind === "text") return fieldOf(cx, place, index.text, node.property);
  if (index.kind !== "number") throw mismatch(cx, node.property, index, "a number as index");
  return elementOf(cx, place, index, node.property);
}

/** A property of a value that exists before the program runs. */
function lowerStatic(cx: Context, node: t.MemberExpression, object: unknown): Value {
  const name = propertyName(node);
  const option = name === "value" ? optionValue(cx, object, node) : undefined;
  if (option) return option;
  if (typeof object === "object" && object !== null) {
    const index = name === undefined ? knownNumber(lower(cx, node.property)) : undefined;
    const key = name ?? index;
    if (key === undefined) {
      throw cx.error(
        "COMPILE_INDEX",
        'a list of the module is indexed with constants only: make it a table, constants("name", u32, […])',
        node,
      );
    }
    if (key in object)
      return evaluatedValue(cx, (object as Record<string | number, unknown>)[key], String(key), node);
  }
  throw cx.error("COMPILE_FIELD", `it has no ${name ?? "such element"}`, node);
}
