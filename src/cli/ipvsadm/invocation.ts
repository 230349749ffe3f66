import { IpvsError } from "../../ipvs/errors.ts";
import type { ServiceKey } from "../../ipvs/model.ts";
import { writeInChunks } from "../printing.ts";
import { connectionTable } from "./connections.ts";
import type { IpvsadmEnvironment } from "./environment.ts";
import { HELP, VERSION_LINE } from "./help.ts";
import type { ListRequest } from "./list-request.ts";
import { type ListOptions, printDaemons, printService, printServices, printTimeouts } from "./listing.ts";
import { printLocalAddresses } from "./local-addresses.ts";
import type { Invocation } from "./parse.ts";
import { printRules } from "./save.ts";
import { sentence } from "./sentences.ts";

/** Exit status of a listing of a service that does not exist. */
const NOT_FOUND = 1;

/** Carries out anything but a restore. Throws what the director throws. */
export function runInvocation(
  invocation: Exclude<Invocation, { kind: "restore" }>,
  environment: IpvsadmEnvironment,
): number {
  const { administration, stdout, names } = environment;
  switch (invocation.kind) {
    case "help":
      stdout(HELP);
      return 0;
    case "version":
      stdout(VERSION_LINE);
      return 0;
    case "list":
      return list(invocation.request, environment);
    case "local-addresses":
      return listLocalAddresses(invocation.service, invocation.numeric, environment);
    case "save":
      stdout(printRules(administration().services(), invocation.numeric ? null : names));
      return 0;
    case "change": {
      const [error] = administration().apply([invocation.command]);
      if (error) throw error;
      return 0;
    }
  }
}

function list(request: ListRequest, environment: IpvsadmEnvironment): number {
  const { stdout, stderr } = environment;
  const director = environment.administration();
  const names = request.numeric ? null : environment.names;
  switch (request.what) {
    case "timeouts":
      stdout(printTimeouts(director.timeouts()));
      return 0;
    case "daemons":
      stdout(printDaemons(director.daemons()));
      return 0;
    case "connections":
      writeInChunks(
        connectionTable(director.connections(), { engine: request.format === "persistent", names }),
        stdout,
      );
      return 0;
    case "services": {
      const { format, exact, sorted } = request;
      const options: ListOptions = { format, exact, sorted, names };
      if (request.service === null) {
        stdout(printServices(director.info(), director.services(), options));
        return 0;
      }
      const service = director.service(request.service);
      if (service === null) return noSuchService(stderr);
      stdout(printService(service, options));
      return 0;
    }
  }
}

function noSuchService(stderr: (text: string) => void): number {
  stderr(`${sentence(new IpvsError("ESRCH", { operation: "list" }))}\n`);
  return NOT_FOUND;
}

function listLocalAddresses(
  key: ServiceKey | null,
  numeric: boolean,
  { administration, stdout, stderr, names }: IpvsadmEnvironment,
): number {
  const director = administration();
  const one = key === null ? null : director.service(key);
  if (key !== null && one === null) return noSuchService(stderr);
  const services = one === null ? director.services() : [one];
  stdout(printLocalAddresses(services, director.connections(), numeric ? null : names));
  return 0;
}
