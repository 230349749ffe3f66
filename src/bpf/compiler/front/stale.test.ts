/** Views of the packet that are used after data may have moved. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CompileError } from "../errors.ts";
import { lowerText } from "./testing/text-module.ts";

const PRELUDE = `
export const H = struct("H", { x: u32, y: u32 });
export type H = Infer<typeof H>;
export function get(p: Packet): H | null { return p.header(H, 14); }
export function move(p: Packet): void { pullData(p, 40); }
export function touch(h: H): u32 { return h.x; }
export function ignore(h: H): u32 { return 1; }
export function moveAndTouch(p: Packet, h: H): u32 { pullData(p, 40); return h.x; }
export function getThenMove(p: Packet): H | null { const h = p.header(H, 0); pullData(p, 4); return h; }
export function same(h: H): H { return h; }
`;

/** Lines (from 1, within the text) of the use and of the move; undefined if it is accepted. */
async function staleIn(text: string): Promise<[use: number, move: number] | undefined> {
  const offset = PRELUDE.split("\n").length - 1;
  try {
    await lowerText(`${PRELUDE}${text}`);
    return undefined;
  } catch (error) {
    assert.ok(error instanceof CompileError);
    assert.equal(error.code, "COMPILE_STALE_PACKET", error.message);
    assert.equal(error.errors.length, 1, error.message);
    return [error.at.line - offset, error.notes[0]!.at.line - offset];
  }
}

const f = (...lines: string[]): string => `export function f(p: Packet): u32 {\n${lines.join("\n")}\n}`;
const TAKE = "const h = p.header(H, 0); if (h === null) return 1;";

describe("stale views of the packet", () => {
  const cases: readonly [name: string, text: string, expected: [number, number] | undefined][] = [
    ["a use before is fine", f(TAKE, "const x = h.x; pullData(p, 40);", "return x;"), undefined],
    ["a use after is not", f(TAKE, "pullData(p, 40);", "return h.x;"), [4, 3]],
    ["a write after is not", f(TAKE, "changeTail(p, 40, 0n);", "h.x = 1; return 0;"), [4, 3]],
    [
      "a new view is fine",
      f("let h = p.header(H, 0); pullData(p, 4);", "h = p.header(H, 0); return h === null ? 1 : h.x;"),
      undefined,
    ],
    ["on one way only", f(TAKE, "if (h.y === 3)", "pullData(p, 40);", "return h.x;"), [5, 4]],
    ["on a way that ends", f(TAKE, "if (h.y === 3) { pullData(p, 4); return 3; }", "return h.x;"), undefined],
    [
      "round a loop",
      f(
        TAKE,
        "let sum = 0; for (let i = 0; i < 3; i++) {",
        "sum = (sum + h.x) >>> 0;",
        "pullData(p, 40);",
        "} return sum;",
      ),
      [4, 5],
    ],
    ["moved by a callee", f(TAKE, "move(p);", "return h.x;"), [4, 3]],
    [
      "taken by a callee",
      f("const h = get(p); if (h === null) return 1;", "move(p);", "return h.x;"),
      [4, 3],
    ],
    ["used by a callee", f(TAKE, "move(p);", "return touch(h);"), [4, 3]],
    ["passed to a callee that does not look", f(TAKE, "move(p);", "return ignore(h);"), undefined],
    ["through a callee", f(TAKE, "const g = same(h); move(p);", "return g.x;"), [4, 3]],
    ["through a field", f(TAKE, "pullData(p, 40);", "return same(h).y;"), [4, 3]],
    ["returned stale", f("const h = getThenMove(p);", "if (h === null) return 2;", "return h.x;"), [4, -1]],
    ["the helper's own argument is fine", f(TAKE, "storeBytes(p, 4, h, 0);", "return 1;"), undefined],
    [
      "null tests are no use",
      f("const h = p.header(H, 0);", "pullData(p, 4);", "return h === null ? 1 : 2;"),
      undefined,
    ],
  ];
  for (const [name, text, expected] of cases) {
    it(name, async () => assert.deepEqual(await staleIn(text), expected));
  }

  it("within a callee that is given a view: shown there", async () => {
    const text = f(TAKE, "return moveAndTouch(p, h);");
    const [use, move] = (await staleIn(text))!;
    assert.equal(use, move);
    assert.ok(use < 0);
  });

  it("shows both places", async () => {
    await assert.rejects(
      lowerText(`${PRELUDE}${f(TAKE, "  pullData(p, 40);", "  return h.x;")}`),
      (error: Error) => {
        assert.match(error.message, /packet\.header again/);
        assert.match(error.message, /\| {3}return h\.x;\n {6}\| {10}\^/);
        assert.match(
          error.message,
          /skb_pull_data may move the packet's data here\n.*\| {3}pullData\(p, 40\);/,
        );
        return true;
      },
    );
  });
});
