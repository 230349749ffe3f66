import { type DestinationStatus, destinationId } from "../../model.ts";
import type { Finding } from "../finding.ts";
import { type DirectorCheck, serviceText } from "./view.ts";

/** Whether new connections to each service can go anywhere. */
export const checkServices: DirectorCheck = ({ services }) =>
  services.flatMap(({ service: { key }, destinations }) => {
    const where = serviceText(key);
    return [...usable(where, destinations), ...destinations.flatMap((each) => thresholds(where, each))];
  });

function usable(where: string, destinations: readonly DestinationStatus[]): Finding[] {
  const refused = 'New connections are refused: clients are told "port unreachable".';
  if (destinations.length === 0) {
    return [
      {
        code: "service-empty",
        severity: "error",
        where,
        what: "The service has no real servers.",
        why: refused,
        remedy: { kind: "advice", command: `ipvsadm -a ${optionOf(where)} -r SERVER:PORT -m` },
      },
    ];
  }
  const open = destinations.filter(({ destination }) => destination.weight > 0);
  if (open.length === 0) {
    return [
      {
        code: "service-quiesced",
        severity: "warning",
        where,
        what: "All of its real servers have weight 0.",
        why: `Running connections go on. ${refused}`,
        remedy: {
          kind: "advice",
          command: `ipvsadm -e ${optionOf(where)} -r ${destinationId(destinations[0]!.destination)} -w 1`,
        },
      },
    ];
  }
  if (open.every(isFull)) {
    return [
      {
        code: "service-overloaded",
        severity: "warning",
        where,
        what: "All of its real servers with a weight are at their upper threshold.",
        why: refused,
        remedy: {
          kind: "advice",
          command: `ipvsadm -e ${optionOf(where)} -r ${destinationId(open[0]!.destination)} -x 0`,
        },
      },
    ];
  }
  return [];
}

function isFull({ destination: { upperThreshold }, active, inactive }: DestinationStatus): boolean {
  return upperThreshold > 0 && active + inactive >= upperThreshold;
}

function thresholds(where: string, { destination }: DestinationStatus): Finding[] {
  const { upperThreshold: upper, lowerThreshold: lower } = destination;
  if (upper === 0 || lower !== upper) return [];
  return [
    {
      code: "thresholds-equal",
      severity: "warning",
      where: `${where} -> ${destinationId(destination)}`,
      what: `Its lower threshold is as high as its upper one, ${upper}.`,
      why: "It is taken out and back in with every connection that ends, and gets each next one of the service at once.",
      remedy: {
        kind: "advice",
        command: `ipvsadm -e ${optionOf(where)} -r ${destinationId(destination)} -x ${upper} -y ${Math.floor((upper * 3) / 4)}`,
      },
    },
  ];
}

/** The service as ipvsadm takes it: "TCP 192.0.2.1:80" is `-t 192.0.2.1:80`. */
export function optionOf(where: string): string {
  const [protocol = "", address = "", family] = where.split(" ");
  const option = { TCP: "-t", UDP: "-u", SCTP: "--sctp-service", FWM: "-f" }[protocol] ?? "-t";
  return `${option} ${address}${family === undefined ? "" : " -6"}`;
}
