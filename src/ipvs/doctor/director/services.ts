import { serviceOptions } from "../../ipvsadm-options.ts";
import { type DestinationStatus, destinationId, type ServiceKey } from "../../model.ts";
import type { Finding } from "../finding.ts";
import { editServer } from "./advice.ts";
import { type DirectorCheck, serviceText } from "./view.ts";

/** Whether new connections to each service can go anywhere. */
export const checkServices: DirectorCheck = ({ services }) =>
  services.flatMap(({ service: { key }, destinations }) => [
    ...usable(key, destinations),
    ...destinations.flatMap((each) => thresholds(key, each)),
  ]);

function usable(key: ServiceKey, destinations: readonly DestinationStatus[]): Finding[] {
  const where = serviceText(key);
  const refused = 'New connections are refused: clients are told "port unreachable".';
  if (destinations.length === 0) {
    return [
      {
        code: "service-empty",
        severity: "error",
        where,
        what: "The service has no real servers.",
        why: refused,
        remedy: { kind: "advice", command: `ipvsadm -a ${serviceOptions(key)} -r SERVER:PORT -m` },
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
          command: editServer(key, destinations[0]!.destination, { weight: 1 }),
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
          command: `${editServer(key, open[0]!.destination, { upperThreshold: 0, lowerThreshold: 0 })} -x 0`,
        },
      },
    ];
  }
  return [];
}

function isFull({ destination: { upperThreshold }, active, inactive }: DestinationStatus): boolean {
  return upperThreshold > 0 && active + inactive >= upperThreshold;
}

function thresholds(key: ServiceKey, { destination }: DestinationStatus): Finding[] {
  const { upperThreshold: upper, lowerThreshold: lower } = destination;
  if (upper === 0 || lower !== upper) return [];
  return [
    {
      code: "thresholds-equal",
      severity: "warning",
      where: `${serviceText(key)} -> ${destinationId(destination)}`,
      what: `Its lower threshold is as high as its upper one, ${upper}.`,
      why: "It is taken out and back in with every connection that ends, and gets each next one of the service at once.",
      remedy: {
        kind: "advice",
        command: editServer(key, destination, { lowerThreshold: Math.floor((upper * 3) / 4) }),
      },
    },
  ];
}
