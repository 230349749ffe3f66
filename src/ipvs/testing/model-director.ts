/** What IPVS does to its lists and what it refuses, on plain arrays: to compare real implementations with. */
import type { Command } from "../administration.ts";
import {
  type Destination,
  destinationId,
  type ServiceKey,
  serviceId,
  type VirtualService,
} from "../model.ts";

interface ModelService {
  service: VirtualService;
  /** In IPVS's order. */
  list: Destination[];
  localAddresses: string[];
}

export class ModelDirector {
  readonly services: Map<string, ModelService> = new Map();

  /** The code of the refusal, or null. */
  apply(command: Command): string | null {
    switch (command.kind) {
      case "add-service": {
        const id = serviceId(command.service.key);
        if (this.services.has(id)) return "EEXIST";
        this.services.set(id, { service: command.service, list: [], localAddresses: [] });
        return null;
      }
      case "edit-service":
        return this.#with(command.service.key, (found) => {
          found.service = command.service;
          return null;
        });
      case "delete-service":
        return this.#with(command.key, () => {
          this.services.delete(serviceId(command.key));
          return null;
        });
      case "flush":
        this.services.clear();
        return null;
      case "add-destination":
        return this.#with(command.service, ({ list }) => {
          const refusal = refusalOf(command.service, command.destination);
          if (refusal !== null) return refusal;
          if (indexOf(list, command.destination) >= 0) return "EEXIST";
          list.unshift(command.destination);
          return null;
        });
      case "edit-destination":
        return this.#with(command.service, ({ list }) => {
          const refusal = refusalOf(command.service, command.destination);
          if (refusal !== null) return refusal;
          const index = indexOf(list, command.destination);
          if (index < 0) return "ENOENT";
          list[index] = command.destination;
          return null;
        });
      case "delete-destination":
        return this.#with(command.service, ({ list }) => {
          const index = list.findIndex((each) => destinationId(each) === destinationId(command.destination));
          if (index < 0) return "ENOENT";
          list.splice(index, 1);
          return null;
        });
      case "add-local-address":
        return this.#with(command.service, ({ localAddresses }) => {
          if (localAddresses.includes(command.address)) return "EEXIST";
          if (command.address.includes(":") !== (command.service.family === 6)) return "EINVAL";
          localAddresses.push(command.address);
          return null;
        });
      case "delete-local-address":
        return this.#with(command.service, ({ localAddresses }) => {
          const index = localAddresses.indexOf(command.address);
          if (index < 0) return "ENOENT";
          localAddresses.splice(index, 1);
          return null;
        });
      case "zero":
        return command.service === null ? null : this.#with(command.service, () => null);
      default:
        throw new TypeError(`not modelled: ${command.kind}`);
    }
  }

  #with(key: ServiceKey, work: (found: ModelService) => string | null): string | null {
    const found = this.services.get(serviceId(key));
    return found === undefined ? "ESRCH" : work(found);
  }
}

function refusalOf(service: ServiceKey, destination: Destination): string | null {
  if (destination.family !== service.family && destination.method !== "tunnel") return "EINVAL";
  return destination.lowerThreshold > destination.upperThreshold ? "ERANGE" : null;
}

function indexOf(list: readonly Destination[], destination: Destination): number {
  return list.findIndex((each) => destinationId(each) === destinationId(destination));
}
