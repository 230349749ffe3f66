/** Carries out commands as if one by one, in as few publications as can be. */
import type { Command } from "../administration.ts";
import { Draft, PublishFirst } from "../configuration/draft.ts";
import { IpvsError, type IpvsErrorFacts, NotSupportedError } from "../errors.ts";
import type { DirectorMemory } from "../memory/director-memory.ts";
import { flush } from "./flush.ts";
import { publish } from "./publish.ts";
import { NoRoom } from "./room.ts";

/** Answers as `Administration.apply`. Throws IpvsError if it came up before anything was written. */
export function applyCommands(
  memory: DirectorMemory,
  commands: readonly Command[],
): readonly (IpvsError | null)[] {
  return new Application(memory).run(commands);
}

/** One run of commands. */
class Application {
  readonly #memory: DirectorMemory;
  readonly #answers: (IpvsError | null)[] = [];
  #draft: Draft | undefined;
  /** The commands that are answered, the last ones of all, and not published. */
  #pending: Command[] = [];
  /** Whether anything was written. */
  #isBegun = false;

  constructor(memory: DirectorMemory) {
    this.#memory = memory;
  }

  run(commands: readonly Command[]): readonly (IpvsError | null)[] {
    this.#carryOut(commands);
    return this.#answers;
  }

  #carryOut(commands: readonly Command[]): void {
    for (const command of commands) {
      const answer = this.#answer(command);
      this.#answers.push(answer);
      if (command.kind !== "flush") this.#pending.push(command);
    }
    this.#publish();
  }

  #answer(command: Command): IpvsError | null {
    if (command.kind === "flush") {
      this.#publish();
      flush(this.#memory);
      this.#isBegun = true;
      return null;
    }
    try {
      change(this.#current, command);
      return null;
    } catch (error) {
      if (error instanceof IpvsError) return error;
      if (!(error instanceof PublishFirst)) throw error;
      if (this.#current.isEmpty) return error.refusal;
    }
    this.#publish();
    return this.#answer(command);
  }

  /** The draft of the commands since the last publication. */
  get #current(): Draft {
    if (this.#draft === undefined) {
      this.#memory.plane.settle();
      this.#draft = new Draft(this.#memory);
    }
    return this.#draft;
  }

  #publish(): void {
    const draft = this.#draft;
    const commands = this.#pending;
    this.#draft = undefined;
    this.#pending = [];
    if (draft === undefined) return;
    try {
      publish(draft);
      this.#isBegun = true;
    } catch (error) {
      if (error instanceof NoRoom) this.#divide(commands, error);
      else this.#fail(commands, error);
    }
  }

  /** There is no room for all that these commands want. Those are refused, in the end, that find none when they are alone. */
  #divide(commands: readonly Command[], cause: NoRoom): void {
    this.#answers.length -= commands.length;
    if (commands.length === 1) {
      const message = cause.message;
      this.#answers.push(new IpvsError("ENOSPC", { ...factsOf(commands[0]!), message, cause }));
      return;
    }
    const middle = commands.length >>> 1;
    this.#carryOut(commands.slice(0, middle));
    this.#carryOut(commands.slice(middle));
  }

  #fail(commands: readonly Command[], error: unknown): void {
    if (!(error instanceof IpvsError) || !this.#isBegun) throw error;
    for (let index = this.#answers.length - commands.length; index < this.#answers.length; index++) {
      this.#answers[index] ??= error;
    }
  }
}

/** What a refusal of the command is about. */
function factsOf(command: Command): IpvsErrorFacts {
  const operation = command.kind;
  switch (command.kind) {
    case "add-service":
    case "edit-service":
      return { operation, service: command.service.key };
    case "delete-service":
      return { operation, service: command.key };
    case "add-destination":
    case "edit-destination":
    case "delete-destination":
      return { operation, service: command.service, destination: command.destination };
    case "add-local-address":
    case "delete-local-address":
    case "zero":
      return { operation, service: command.service };
    default:
      return { operation };
  }
}

/** Carries out a command on a draft. Throws IpvsError if it is refused, PublishFirst if it has to wait. */
function change(draft: Draft, command: Exclude<Command, { kind: "flush" }>): void {
  switch (command.kind) {
    case "add-service":
      draft.addService(command.service);
      break;
    case "edit-service":
      draft.editService(command.service);
      break;
    case "delete-service":
      draft.deleteService(command.key);
      break;
    case "add-destination":
      draft.addDestination(command.service, command.destination);
      break;
    case "edit-destination":
      draft.editDestination(command.service, command.destination);
      break;
    case "delete-destination":
      draft.deleteDestination(command.service, command.destination);
      break;
    case "zero":
      draft.zero(command.service);
      break;
    case "add-local-address":
      draft.addLocalAddress(command.service, command.address);
      break;
    case "delete-local-address":
      draft.deleteLocalAddress(command.service, command.address);
      break;
    case "set-sysctl":
      draft.setSysctl(command.name, command.value);
      break;
    case "set-timeouts":
      draft.setTimeouts(command.timeouts);
      break;
    case "start-daemon":
      throw new NotSupportedError("connection synchronisation (--start-daemon)", { operation: command.kind });
    case "stop-daemon":
      throw new IpvsError("ESRCH", { operation: command.kind });
  }
}
