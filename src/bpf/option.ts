/** Options: constants of a compiled program, given at compile time, by which programs are specialised. */
import { runningMachine } from "./simulator/current.ts";

/** What names an option and what it is when nobody says otherwise. */
export interface OptionDefinition {
  readonly kind: "option";
  readonly name: string;
  readonly default: number | boolean;
}

/** An option as kernel functions use it. */
export class Option<T extends number | boolean = number | boolean> implements OptionDefinition {
  readonly kind = "option";
  readonly name: string;
  readonly default: T;

  constructor(name: string, byDefault: T) {
    this.name = name;
    this.default = byDefault;
  }

  /** In a compiled program a constant; in a machine its setting; elsewhere the default. */
  get value(): T {
    return (runningMachine()?.option(this.name) as T | undefined) ?? this.default;
  }
}

/** An option: a boolean, or an integer constant. */
export function option(name: string, byDefault: boolean): Option<boolean>;
export function option(name: string, byDefault: number): Option<number>;
export function option(name: string, byDefault: number | boolean): Option {
  return new Option(name, byDefault);
}

/** Whether an evaluated value is an option. */
export function isOption(value: unknown): value is Option {
  return value instanceof Option;
}
