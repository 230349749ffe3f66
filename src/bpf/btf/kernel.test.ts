import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { kernelBtf, kernelMemberOffset } from "./kernel.ts";

const skip = existsSync("/sys/kernel/btf/vmlinux") ? false : "this kernel has no BTF";

test("members of the running kernel's structures are found", { skip }, () => {
  const summed = kernelMemberOffset("sk_buff", "ip_summed");
  assert.equal(summed?.bitSize, 2);
  assert.ok(summed!.bitOffset > 0);
  const length = kernelMemberOffset("sk_buff", "len");
  assert.deepEqual([length!.bitSize, length!.bitOffset % 8], [32, 0]);
  assert.equal(kernelMemberOffset("sk_buff", "no_such_member"), null);
  assert.equal(kernelMemberOffset("no_such_struct", "len"), null);
});

test("the whole of the kernel's BTF decodes", { skip }, () => {
  const btf = kernelBtf()!;
  assert.ok(btf.count > 10_000);
  for (let id = 1; id <= btf.count; id++) btf.type(id);
  assert.ok(btf.find("function", "bpf_get_prandom_u32").length + btf.find("struct", "sk_buff").length > 0);
});
