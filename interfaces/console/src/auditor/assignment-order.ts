// The order of assignments as it matters at a moment: what is due next comes first.

interface Dated {
  readonly due_at: string | null;
}

/** Return what is due after a time, the next one first; then what was due, the last one first. */
export function orderForMoment<T extends Dated>(assignments: readonly T[], time: number): T[] {
  const place = ({ due_at }: Dated): readonly [number, number] => {
    if (due_at === null) return [2, 0];
    const distance = new Date(due_at).getTime() - time;
    return distance >= 0 ? [0, distance] : [1, -distance];
  };
  return [...assignments].sort((a, b) => {
    const [[groupA, distanceA], [groupB, distanceB]] = [place(a), place(b)];
    return groupA - groupB || distanceA - distanceB;
  });
}
