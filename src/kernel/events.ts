// SPDX-License-Identifier: MIT OR GPL-2.0-only
/** What the datapath counts about itself. */
import { events } from "./tables.ts";

export function countCreated(): void {
  const mine = events.lookup(0);
  if (mine !== null) mine.created = mine.created + 1n;
}

export function countExpired(): void {
  const mine = events.lookup(0);
  if (mine !== null) mine.expired = mine.expired + 1n;
}

export function countStateless(): void {
  const mine = events.lookup(0);
  if (mine !== null) mine.stateless = mine.stateless + 1n;
}

export function countRefused(): void {
  const mine = events.lookup(0);
  if (mine !== null) mine.refused = mine.refused + 1n;
}

export function countOrphaned(): void {
  const mine = events.lookup(0);
  if (mine !== null) mine.orphaned = mine.orphaned + 1n;
}

export function countMalformed(): void {
  const mine = events.lookup(0);
  if (mine !== null) mine.malformed = mine.malformed + 1n;
}

export function countAnswered(): void {
  const mine = events.lookup(0);
  if (mine !== null) mine.answered = mine.answered + 1n;
}

export function countUnanswered(): void {
  const mine = events.lookup(0);
  if (mine !== null) mine.unanswered = mine.unanswered + 1n;
}

export function countHeld(): void {
  const mine = events.lookup(0);
  if (mine !== null) mine.held = mine.held + 1n;
}

export function countUnheld(): void {
  const mine = events.lookup(0);
  if (mine !== null) mine.unheld = mine.unheld + 1n;
}
