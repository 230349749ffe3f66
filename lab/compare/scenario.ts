import type { Play } from "./play.ts";

/** A configuration and what happens under it. */
export interface Scenario {
  readonly name: string;
  /** MTU of the servers' side, bytes. Default: 1500. */
  readonly mtu?: number;
  run(play: Play): Promise<void>;
}

/** A service with servers 1 … `count` of its family: `addService(play, "-t VIP:80 -s rr", ["-m -w 3", "-m"])`. */
export function addService(play: Play, service: string, servers: readonly string[]): void {
  play.ipvsadm(`-A ${service}`);
  const key = service
    .split(" ")
    .slice(0, service.startsWith("-f") && service.includes(" -6") ? 3 : 2)
    .join(" ");
  for (const server of servers) play.ipvsadm(`-a ${key} ${server}`);
}

/** All of the TCP life: handshake, data, an end by either side, a reset, stray segments. */
export async function tcpLives(play: Play, service: string, client: (n: number) => string): Promise<void> {
  const first = play.open(`${client(1)}:1001`, service);
  await first.handshake();
  await first.exchange();
  play.compareTables();
  await first.close();
  const second = play.open(`${client(2)}:1002`, service);
  await second.handshake();
  await second.exchange();
  await second.serverCloses();
  const third = play.open(`${client(3)}:1003`, service);
  await third.handshake();
  await third.reset();
  play.compareTables();
  const half = play.open(`${client(4)}:1004`, service);
  await half.fromClient("S");
  await half.fromClient("S");
  const open = play.open(`${client(5)}:1005`, service);
  await open.handshake();
  const stray = play.open(`${client(6)}:1006`, service);
  await stray.fromClient("A");
  // A port that is used again while its connection is in TIME_WAIT.
  const again = play.open(`${client(1)}:1001`, service);
  await again.handshake();
  await again.exchange();
  play.compareTables();
}

/** Datagrams and answers of several clients. */
export async function udpLives(play: Play, service: string, client: (n: number) => string): Promise<void> {
  for (let n = 1; n <= 4; n++) {
    const flow = play.open(`${client(n)}:${2000 + n}`, service);
    await flow.ask();
    await flow.answer();
    if (n % 2 === 0) await flow.ask("again");
  }
  play.compareTables();
}
