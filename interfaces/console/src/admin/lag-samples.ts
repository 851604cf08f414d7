// The lag of each read model in the last minutes, as this page has seen it.
import { signal } from "@preact/signals";
import type { Projection } from "./shapes.ts";

interface Sample {
  /** Seconds since 1970. */
  readonly time: number;
  readonly lags: Readonly<Record<string, { readonly seconds: number; readonly events: number }>>;
}

export const SAMPLE_SECONDS = 2;
export const KEPT_MINUTES = 15;
const MAX_SAMPLES = (KEPT_MINUTES * 60) / SAMPLE_SECONDS;

/** Kept while the console is open, also while another screen is shown. */
export const lagSamples = signal<readonly Sample[]>([]);

/** Add the present lag of each read model. */
export function recordLag(projections: readonly Projection[], now = Date.now()): void {
  const lags = Object.fromEntries(
    projections.map(({ name, lag_seconds, lag_events }) => [
      name,
      { seconds: lag_seconds, events: lag_events },
    ]),
  );
  const time = Math.round(now / 1000);
  const others = lagSamples.value.filter((sample) => sample.time < time);
  lagSamples.value = [...others, { time, lags }].slice(-MAX_SAMPLES);
}
