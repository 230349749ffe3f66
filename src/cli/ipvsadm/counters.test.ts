import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { DestinationStatus, Rates, ServiceStatus, Statistics } from "../../ipvs/model.ts";
import { readRecording } from "../testing/recordings.ts";
import { keyOf, serverOf, serverStatus, serviceOf, serviceStatus } from "../testing/statuses.ts";
import { type ListFormat, printNumber, printService, printServices } from "./listing.ts";

const INFO = { version: "1.2.1", connectionTableSize: 4096 };

/** One state of the director in all its listings. */
type Recorded = Record<string, string> & { after: string; rates: Record<string, string>[] };

/** The numbers of each line of a listing, by the endpoint at its beginning. */
function numbersOf(listing: string): Map<string, string[]> {
  const lines = listing.matchAll(/^(?:TCP {2}|UDP {2}| {2}-> )(\d\S*)(.*)$/gm);
  return new Map([...lines].map(([, endpoint, rest]) => [endpoint!, rest!.trim().split(/\s+/)]));
}

function statisticsOf(numbers: readonly string[]): Statistics {
  const [connections, inPackets, outPackets, inBytes, outBytes] = numbers.map(BigInt);
  return {
    connections: connections!,
    inPackets: inPackets!,
    outPackets: outPackets!,
    inBytes: inBytes!,
    outBytes: outBytes!,
  };
}

function ratesOf(numbers: readonly string[]): Rates {
  const [connections, inPackets, outPackets, inBytes, outBytes] = numbers.map(Number);
  return {
    connections: connections!,
    inPackets: inPackets!,
    outPackets: outPackets!,
    inBytes: inBytes!,
    outBytes: outBytes!,
  };
}

/** The services of the recording, with the numbers of one state. */
function services(recorded: Recorded, rates: Record<string, string>): ServiceStatus[] {
  const exact = numbersOf(recorded["ipvsadm -Ln --stats --exact"]!);
  const perSecond = numbersOf(rates["ipvsadm -Ln --rate --exact"]!);
  const persistent = numbersOf(recorded["ipvsadm -Ln --persistent-conn"]!);
  const counters = (endpoint: string) => ({
    statistics: statisticsOf(exact.get(endpoint)!),
    rates: ratesOf(perSecond.get(endpoint)!),
  });
  const server = (endpoint: string, weight: number): DestinationStatus => {
    const [, templates, active, inactive] = persistent.get(endpoint)!.map(Number);
    return serverStatus(serverOf(endpoint, { weight }), {
      ...counters(endpoint),
      persistent: templates!,
      active: active!,
      inactive: inactive!,
    });
  };
  const persistence = { timeout: 100, mask: 0xffffffff };
  return [
    serviceStatus(
      serviceOf(keyOf("udp/192.0.2.1:53"), { scheduler: "wrr" }),
      [server("10.0.0.2:53", 1), server("10.0.0.1:53", 3)],
      counters("192.0.2.1:53"),
    ),
    serviceStatus(
      serviceOf(keyOf("tcp/192.0.2.1:80"), { persistence }),
      [server("10.0.0.3:80", 1)],
      counters("192.0.2.1:80"),
    ),
  ];
}

describe("counters print as recorded", () => {
  for (const recorded of readRecording<Recorded[]>("states/counters.json")) {
    test(recorded.after, () => {
      const print = (format: ListFormat, exact: boolean, rates = recorded.rates[0]!): string =>
        printServices(INFO, services(recorded, rates), { format, exact, sorted: true, names: null });
      assert.equal(print("plain", false), recorded["ipvsadm -Ln"]);
      assert.equal(print("statistics", false), recorded["ipvsadm -Ln --stats"]);
      assert.equal(print("statistics", true), recorded["ipvsadm -Ln --stats --exact"]);
      assert.equal(print("persistent", false), recorded["ipvsadm -Ln --persistent-conn"]);
      assert.equal(print("thresholds", false), recorded["ipvsadm -Ln --thresholds"]);
      for (const rates of recorded.rates) {
        assert.equal(print("rates", true, rates), rates["ipvsadm -Ln --rate --exact"]);
        // The two listings of a rate are some milliseconds apart; between them it may change.
        const rounded = print("rates", false, rates);
        if (rates["ipvsadm -Ln --rate"] === rates["ipvsadm -Ln --rate --exact"]) {
          assert.equal(rounded, rates["ipvsadm -Ln --rate"]);
        }
      }
      const web = services(recorded, recorded.rates[0]!)[1]!;
      assert.equal(
        printService(web, { format: "statistics", exact: false, sorted: true, names: null }),
        recorded["ipvsadm -Ln --stats -t 192.0.2.1:80"],
      );
    });
  }
});

test("large numbers are shown in thousands, millions and so on, rounded down", () => {
  const shown: [bigint, string][] = [
    [0n, "0"],
    [99_999_999n, "99999999"],
    [100_000_000n, "100000K"],
    [104_261_900n, "104261K"],
    [999_999_999n, "999999K"],
    [1_000_000_000n, "1000M"],
    [99_999_999_999n, "99999M"],
    [100_000_000_000n, "100G"],
    [99_999_999_999_999n, "99999G"],
    [100_000_000_000_000n, "100T"],
    [2n ** 64n - 1n, "18446744T"],
  ];
  for (const [value, text] of shown) assert.equal(printNumber(value, false), text);
  assert.equal(printNumber(2n ** 64n - 1n, true), "18446744073709551615");
});
