/** Lowers one kernel function, for one way of being called. */
import type * as t from "@babel/types";
import type { IrFunction, Reg, Size } from "../../ir.ts";
import { CompileError } from "../errors.ts";
import { readType } from "./annotation.ts";
import type { Convention } from "./callback.ts";
import { Context, type ModuleContext, type Signature } from "./context.ts";
import { declareVariable } from "./declaration.ts";
import { read } from "./memory.ts";
import { positionOf } from "./module.ts";
import type { FunctionSource, LoadedProgram } from "./program.ts";
import { adviceOn } from "./refusal.ts";
import { leaveVoid, lowerStatements } from "./statement.ts";
import { type Type, typeName, U8, U16, within } from "./type.ts";
import { type Value, valueOfType } from "./value.ts";
import { assignedNames } from "./walk.ts";

/** The types in a function's head. Throws CompileError. */
export function readSignature(program: LoadedProgram, { module, node, name }: FunctionSource): Signature {
  const refuse = (code: CompileError["code"], reason: string, at: t.Node): CompileError =>
    new CompileError(code, reason, positionOf(module, at));
  if (node.async || node.generator) {
    throw refuse(
      "COMPILE_ASYNC",
      "kernel functions run to their end at once: no async, await or generators",
      node,
    );
  }
  if (node.typeParameters) {
    throw refuse(
      "COMPILE_ANNOTATION",
      `${name} cannot be generic: name the types it is for`,
      node.typeParameters,
    );
  }
  const parameters = node.params.map((each) => {
    if (each.type !== "Identifier") {
      const [code, reason] = adviceOn(each);
      throw refuse(code, reason, each);
    }
    const annotation = each.typeAnnotation;
    if (annotation?.type !== "TSTypeAnnotation") {
      throw refuse(
        "COMPILE_ANNOTATION",
        `parameter ${each.name} needs its type, as in ${each.name}: u32`,
        each,
      );
    }
    const type = readType(program, module, annotation.typeAnnotation);
    if (type.kind === "void" || each.optional) {
      throw refuse(
        "COMPILE_ANNOTATION",
        `parameter ${each.name} must have a value: write its type, T or T | null`,
        each,
      );
    }
    return { name: each.name, type };
  });
  if (node.returnType?.type !== "TSTypeAnnotation") {
    throw refuse(
      "COMPILE_ANNOTATION",
      `${name} needs the type that it returns, as in ${name}(…): u32 or : void`,
      node,
    );
  }
  const returns = readType(program, module, node.returnType.typeAnnotation);
  const binding = module.bindings.get(name);
  const separate = binding?.kind === "function" && binding.separate;
  const references = [...parameters.map(({ type }) => type), returns].some(
    ({ kind }) => kind === "reference",
  );
  if (separate && references) {
    throw refuse(
      "COMPILE_ANNOTATION",
      `${name} is @separate: it takes and gives numbers, booleans and the packet only; pass an index into a map`,
      node,
    );
  }
  return { parameters, returns, separate, inline: binding?.kind === "function" && binding.inline };
}

/** The function in IR, under `name`. What it refuses is added to `shared.errors`. */
export function lowerFunction(
  shared: ModuleContext,
  source: FunctionSource,
  convention: Convention,
  name: string,
  isEntry: boolean,
): IrFunction {
  const { module, node } = source;
  const cx = new Context(shared, module, node);
  const signature = shared.signature(source);
  cx.returns = signature.returns;
  cx.convention = convention;
  checkReturn(cx, node);
  const { registers, values } =
    convention.kind === "direct"
      ? directParameters(cx, signature)
      : callbackParameters(cx, signature, convention, node);
  const assigned = assignedNames(node.body);
  for (const [i, { name: parameter, type }] of signature.parameters.entries()) {
    if (assigned.has(parameter)) declareVariable(cx, parameter, values[i]!, type, node);
    else cx.scopes.declare({ name: parameter, type, value: values[i]!, depth: 0 });
  }
  cx.scopes.nested(() => lowerStatements(cx, node.body.body));
  if (cx.builder.reachable) leaveAtEnd(cx, node, name);
  return cx.builder.finish({
    name,
    parameters: registers,
    returnsValue: signature.returns.kind !== "void" || convention.kind === "callback",
    inline: inliningOf(signature, isEntry || convention.kind === "callback"),
    ...(signature.separate && convention.kind === "direct" && !isEntry
      ? { separate: signature.parameters.map(({ type }) => (type.kind === "packet" ? "packet" : "scalar")) }
      : {}),
    at: positionOf(module, node),
  });
}

function inliningOf(signature: Signature, isCalledByKernel: boolean): IrFunction["inline"] {
  if (isCalledByKernel || signature.separate) return "never";
  return signature.inline ? "always" : "auto";
}

function leaveAtEnd(cx: Context, node: t.FunctionDeclaration, name: string): void {
  if (cx.returns.kind === "void") leaveVoid(cx);
  else if (!cx.shared.errors.some((each) => each.at.file === cx.module.file)) {
    cx.shared.errors.push(
      cx.error("COMPILE_RETURN", `${name} may end without returning ${typeName(cx.returns)}`, node),
    );
  }
}

function checkReturn(cx: Context, node: t.FunctionDeclaration): void {
  const { convention, returns } = cx;
  if (returns.kind === "packet")
    throw cx.error("COMPILE_RETURN", "a function cannot return the packet", node);
  if (convention.kind === "callback" && returns.kind !== "void" && returns.kind !== "number") {
    throw cx.error("COMPILE_CALLBACK", "a callback returns u32: 0 (go on) or 1 (stop); or void", node);
  }
}

interface Parameters {
  readonly registers: Reg[];
  readonly values: Value[];
}

function directParameters(cx: Context, { parameters, separate }: Signature): Parameters {
  const registers = parameters.map(({ name }) => cx.builder.register(name));
  const values = parameters.map(({ type }, i) => {
    const reg = registers[i]!;
    return separate ? broughtIntoRange(cx, type, reg) : valueOfType(type, reg);
  });
  return { registers, values };
}

/** What crosses the border of a separate function, as its type says: the verifier knows nothing of it. */
export function broughtIntoRange(cx: Context, type: Type, reg: Reg): Value {
  if (type.kind !== "number" && type.kind !== "boolean") return valueOfType(type, reg);
  const bits = type.kind === "boolean" || within(type, U8) ? 8 : within(type, U16) ? 16 : 32;
  const narrow = cx.builder.extend(bits, type.kind === "number" && type.low < 0, { reg });
  return "reg" in narrow ? valueOfType(type, narrow.reg) : valueOfType(type, reg);
}

function callbackParameters(
  cx: Context,
  { parameters }: Signature,
  convention: Extract<Convention, { kind: "callback" }>,
  node: t.FunctionDeclaration,
): Parameters {
  const registers: Reg[] = [];
  const values: Value[] = [];
  for (const kind of convention.receives) {
    const parameter = kind === "ignored" ? undefined : parameters[values.length];
    const reg = cx.builder.register(parameter?.name);
    registers.push(reg);
    if (!parameter) continue;
    const { type, name } = parameter;
    const scalar = type.kind === "number" || type.kind === "u64";
    const fits =
      kind === "value"
        ? scalar
        : kind === "key"
          ? scalar || type.kind === "reference"
          : type.kind === "reference";
    if (!fits) {
      throw cx.error(
        "COMPILE_CALLBACK",
        `the kernel passes ${name} as ${kind === "value" ? "a number" : "a reference"}, not as ${typeName(type)}`,
        node,
      );
    }
    if (kind === "key" && scalar) values.push(loadKey(cx, reg, type, convention));
    else if (type.kind === "number")
      values.push({ kind: "number", operand: { reg }, low: type.low, high: type.high, unproven: true });
    else values.push(valueOfType(type, reg));
  }
  return { registers, values };
}

/** The key of a map whose keys are numbers: it comes as an address. */
function loadKey(
  cx: Context,
  base: Reg,
  type: Type,
  { keySchema }: Extract<Convention, { kind: "callback" }>,
): Value {
  if (keySchema?.kind === "scalar") {
    const place = {
      kind: "reference",
      base,
      offset: 0,
      schema: keySchema,
      nullable: false,
      memory: "map",
      align: 8,
      depth: 0,
    } as const;
    return read(cx, place, { type: "EmptyStatement" } as t.Node);
  }
  const size: Size = type.kind !== "number" ? 8 : within(type, U8) ? 1 : within(type, U16) ? 2 : 4;
  const loaded = cx.builder.load(size, base, 0);
  const signed = type.kind === "number" && type.low < 0;
  const operand = signed ? cx.builder.extend(32, true, { reg: loaded }) : { reg: loaded };
  const value = valueOfType(type, loaded);
  return value.kind === "number" ? { ...value, operand } : value;
}
