// Scores over time as charts with steps: a score holds until it changes.
import { Empty } from "../components/notices.tsx";
import { Card } from "../components/page.tsx";
import { LineChart } from "../components/line-chart.tsx";
import type { GradeChange } from "../types.ts";
import { mostChanged, trendOf, type Subject } from "./trend.ts";

interface ScoreChartProps {
  label: string;
  changes: readonly GradeChange[];
  subject: Subject;
  unit?: string;
  height?: number;
}

export function ScoreChart({ label, changes, subject, unit = "", height = 200 }: ScoreChartProps) {
  const minute = Math.floor(Date.now() / 60_000) * 60_000;
  const { points } = trendOf(changes, subject, minute);
  if (!points.some(({ score }) => score !== null)) {
    return <Empty>There is no score yet. The line begins with the first one.</Empty>;
  }
  return (
    <LineChart
      label={label}
      times={points.map(({ time }) => time)}
      series={[{ label, values: points.map(({ score }) => score), isStepped: true }]}
      height={height}
      unit={unit}
    />
  );
}

const MAX_CHARTS = 6;

/** A chart for each assignment whose grade has changed. */
export function ScoreCharts({ changes }: { changes: readonly GradeChange[] }) {
  const groups = mostChanged(changes, 2).slice(0, MAX_CHARTS);
  if (!groups.length) return null;
  return (
    <Card title="Grades that have changed">
      <div class="grid">
        {groups.map((group) => {
          const [first] = group;
          if (!first) return null;
          return (
            <div key={first.assignment_id}>
              <h3>{first.assignment_name}</h3>
              <ScoreChart
                label={`Points of ${first.assignment_name}`}
                changes={group}
                subject={{ courseId: first.course_id, assignmentId: first.assignment_id }}
                height={150}
              />
            </div>
          );
        })}
      </div>
    </Card>
  );
}
