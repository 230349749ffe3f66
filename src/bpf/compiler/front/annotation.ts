/** Reads type annotations. */
import type * as t from "@babel/types";
import { isSchema } from "../../schema/index.ts";
import { CompileError } from "../errors.ts";
import { type KernelModule, positionOf } from "./module.ts";
import type { LoadedProgram } from "./program.ts";
import { NAMED_TYPES, type Type, typeOfSchema } from "./type.ts";

/** The type that an annotation in `module` names. Throws CompileError. */
export function readType(program: LoadedProgram, module: KernelModule, node: t.TSType): Type {
  const refuse = (reason: string): CompileError =>
    new CompileError("COMPILE_ANNOTATION", reason, positionOf(module, node));
  switch (node.type) {
    case "TSBooleanKeyword":
      return { kind: "boolean" };
    case "TSVoidKeyword":
      return { kind: "void" };
    case "TSNumberKeyword":
      throw refuse("number does not say which numbers: write u8, u16, u32 or s32");
    case "TSBigIntKeyword":
      throw refuse("bigint does not say which integers: write u64");
    case "TSStringKeyword":
      throw new CompileError(
        "COMPILE_STRING",
        "there are no strings in kernel TypeScript: use numbers, or bytes(n) in a struct",
        positionOf(module, node),
      );
    case "TSParenthesizedType":
      return readType(program, module, node.typeAnnotation);
    case "TSUnionType":
      return readUnion(program, module, node);
    case "TSTypeReference":
      return readName(program, module, node);
    default:
      throw refuse(
        "annotations are u8, u16, u32, s32, u64, boolean, void, Packet, or the name of an exported schema",
      );
  }
}

function readUnion(program: LoadedProgram, module: KernelModule, node: t.TSUnionType): Type {
  const others = node.types.filter((each) => each.type !== "TSNullKeyword");
  const type = others.length === 1 && readType(program, module, others[0]!);
  if (!type || others.length === node.types.length || type.kind !== "reference") {
    throw new CompileError(
      "COMPILE_ANNOTATION",
      "the only union is a reference or null: `Connection | null`",
      positionOf(module, node),
    );
  }
  return { ...type, nullable: true };
}

function readName(program: LoadedProgram, module: KernelModule, node: t.TSTypeReference): Type {
  const at = positionOf(module, node);
  const { typeName } = node;
  if (typeName.type !== "Identifier") {
    throw new CompileError(
      "COMPILE_ANNOTATION",
      "import the type by its name: qualified names are not read",
      at,
    );
  }
  const { name } = typeName;
  const argument = node.typeParameters?.params[0];
  if (name === "Infer" && argument?.type === "TSTypeQuery" && argument.exprName.type === "Identifier") {
    return schemaType(program, module, argument.exprName.name, at);
  }
  const entity = program.entity(module, name);
  if (entity?.kind === "value" && isSchema(entity.value)) return typeOfSchema(entity.value);
  const alias = program.typeAlias(module, name);
  if (alias) return readType(program, alias.module, alias.node.typeAnnotation);
  const named = NAMED_TYPES[name];
  if (named) return named;
  if (entity?.kind === "initialiser") return schemaType(program, module, name, at);
  throw new CompileError(
    "COMPILE_TYPE_NAME",
    `${name} names no type here: use u8, u16, u32, s32, u64, boolean, void, Packet, or the name of an exported schema ` +
      `(export const ${name} = struct(…); export type ${name} = Infer<typeof ${name}>)`,
    at,
  );
}

function schemaType(
  program: LoadedProgram,
  module: KernelModule,
  name: string,
  at: CompileError["at"],
): Type {
  const entity = program.entity(module, name);
  if (entity?.kind === "value" && isSchema(entity.value)) return typeOfSchema(entity.value);
  const advice = entity?.kind === "initialiser" ? `export it: export const ${name} = …` : "it is no schema";
  throw new CompileError("COMPILE_TYPE_NAME", `${name} cannot be looked up as a schema: ${advice}`, at);
}
