// The slider over the life of a connection, with a mark for each change.
import { useState } from "preact/hooks";
import { formatCount, formatDate, formatDateTimeSeconds } from "../format.ts";
import { marksOf, nearestChange, nextChange, previousChange, timeOf, type Change } from "./changes.ts";

const SNAP_SHARE = 0.008;

interface MomentSliderProps {
  changes: readonly Change[];
  start: number;
  end: number;
  /** The present moment as RFC 3339; undefined is now. */
  moment: string | undefined;
  onMove: (moment: string | undefined) => void;
}

/** While it is dragged only the time above it changes; the view is loaded when it is released. */
export function MomentSlider({ changes, start, end, moment, onMove }: MomentSliderProps) {
  const [dragged, setDragged] = useState<number | undefined>();
  const time = dragged ?? (moment === undefined ? end : timeOf(moment));
  const release = (value: number) => {
    setDragged(undefined);
    const near = nearestChange(changes, value, (end - start) * SNAP_SHARE);
    if (value >= end && !near) onMove(undefined);
    else onMove(near?.at ?? new Date(value).toISOString());
  };
  const step = (event: KeyboardEvent) => {
    const target = keyTarget(event.key, changes, time);
    if (!target) return;
    event.preventDefault();
    onMove(target === "now" ? undefined : target.at);
  };
  const isNow = dragged === undefined && moment === undefined;
  const text = isNow ? "Now" : formatDateTimeSeconds(time);
  return (
    <div class="moment-slider">
      <p class="moment-time">{text}</p>
      <input
        type="range"
        aria-label="Moment"
        aria-valuetext={text}
        aria-describedby="moment-keys"
        min={start}
        max={end}
        step="any"
        value={time}
        onInput={(event) => setDragged(Number(event.currentTarget.value))}
        onChange={(event) => release(Number(event.currentTarget.value))}
        onKeyDown={step}
      />
      <Marks changes={changes} start={start} end={end} />
      <p class="moment-ends fine">
        <span>{formatDate(start)}</span>
        <span>{formatCount(changes.length, "change")}</span>
        <span>Now</span>
      </p>
      <p class="fine" id="moment-keys">
        Arrow keys step from change to change. The view is loaded, and the reading recorded, when the slider
        comes to rest.
      </p>
    </div>
  );
}

function Marks({ changes, start, end }: Pick<MomentSliderProps, "changes" | "start" | "end">) {
  return (
    <svg class="moment-marks" viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true">
      {marksOf(changes, [start, end]).map(({ place, count }) => {
        const x = 1 + place * 998;
        return <line key={place} x1={x} x2={x} y1={count > 1 ? 0 : 3} y2="10" />;
      })}
    </svg>
  );
}

/** Return where a key leads: to a change, to now, or nowhere. */
function keyTarget(key: string, changes: readonly Change[], time: number): Change | "now" | undefined {
  if (key === "ArrowLeft" || key === "ArrowDown") return previousChange(changes, time) ?? changes[0];
  if (key === "ArrowRight" || key === "ArrowUp") return nextChange(changes, time) ?? "now";
  if (key === "Home") return changes[0];
  return key === "End" ? "now" : undefined;
}
