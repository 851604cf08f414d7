// The sentences of the API with their times in the reader's zone.
import { formatDateTimeSeconds } from "../format.ts";

const UTC_TIME = /\b(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d) UTC\b/g;

/** Return a sentence with each time in UTC written as a time of the reader. */
export function localSentence(sentence: string): string {
  return sentence.replace(UTC_TIME, (text, day: string, clock: string) => {
    const time = `${day}T${clock}Z`;
    return Number.isNaN(new Date(time).getTime()) ? text : formatDateTimeSeconds(time);
  });
}

/** Return whether a sentence has all words of a search, in any order and case. */
export function hasWords(sentence: string, search: string): boolean {
  const text = sentence.toLocaleLowerCase();
  return search
    .toLocaleLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}
