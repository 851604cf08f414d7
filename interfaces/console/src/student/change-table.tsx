// Grade changes as a table: when, what, before, after, by how much, and a receipt of each.
import { useEffect, useRef } from "preact/hooks";
import { DataTable, type Column } from "../components/data-table.tsx";
import { Empty } from "../components/notices.tsx";
import { Badge, Time } from "../components/text.tsx";
import type { GradeChange } from "../types.ts";
import { changeHref, Difference, subjectText, unitOf } from "./grade-change-list.tsx";
import { ReceiptButton } from "./receipt-button.tsx";
import { scoreText } from "./words.ts";

interface ChangeTableProps {
  changes: readonly GradeChange[];
  /** The id of the change that the address names. */
  markedId?: string | undefined;
  isOfOneCourse?: boolean;
}

export function ChangeTable({ changes, markedId, isOfOneCourse = false }: ChangeTableProps) {
  const frame = useRef<HTMLDivElement>(null);
  const isHere = changes.some(({ id }) => id === markedId);
  useEffect(() => {
    frame.current?.querySelector(".marked")?.scrollIntoView({ block: "center" });
  }, [markedId, isHere]);
  if (!changes.length) return <Empty>No grade has been recorded yet.</Empty>;
  return (
    <div ref={frame} class="changes">
      <DataTable
        caption="Grade changes"
        columns={isOfOneCourse ? COLUMNS.filter(({ title }) => title !== "Course") : COLUMNS}
        rows={changes}
        keyOf={({ id }) => id}
        classOf={({ id }) => (id === markedId ? "marked" : undefined)}
      />
    </div>
  );
}

const COLUMNS: readonly Column<GradeChange>[] = [
  {
    title: "What",
    cell: (change) => (
      <>
        <a href={changeHref(change)}>{subjectText(change)}</a>{" "}
        {change.baseline && <Badge>First value</Badge>}
      </>
    ),
  },
  { title: "Course", cell: ({ course_name }) => course_name ?? "–" },
  { title: "Before", isNumber: true, cell: (change) => scoreText(change.previous, unitOf(change)) },
  {
    title: "After",
    isNumber: true,
    cell: (change) => (
      <strong>{change.current ? scoreText(change.current, unitOf(change)) : "no longer shown"}</strong>
    ),
  },
  { title: "Difference", isNumber: true, cell: (change) => <Difference change={change} /> },
  { title: "Changed", cell: ({ changed_at }) => <Time value={changed_at} /> },
  { title: "Receipt", cell: (change) => <ReceiptButton change={change} /> },
];
