import { explainPacket } from "../../ipvs/explain/explain.ts";
import { PacketLengthError } from "../../ipvs/explain/packet.ts";
import type { ExplainCommand } from "./explain-request.ts";
import { explanationJson, explanationText } from "./explain-text.ts";
import { UsageError } from "./usage-error.ts";

/** Carries out `lvs explain`: what it prints. Throws UsageError for a packet that cannot be. */
export function explain({ packet, json }: ExplainCommand): string {
  try {
    return (json ? explanationJson : explanationText)(explainPacket(packet));
  } catch (error) {
    if (error instanceof PacketLengthError) throw new UsageError(`--length: ${error.message}`);
    throw error;
  }
}
