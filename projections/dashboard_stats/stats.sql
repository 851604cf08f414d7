WITH active_courses AS (
    SELECT course_id, name, current_score, document
      FROM read.dashboard_courses
     WHERE person_id = %(person)s
       AND is_student
       AND state = 'active'
), assignments AS MATERIALIZED (
    -- Without the column document, which is large: only those of next_due are read.
    SELECT course_id, assignment_id, due_at, submitted_at, graded_at, missing,
           asks_for_work AS expects_submission,
           {status} AS status
      FROM read.dashboard_assignments
     WHERE person_id = %(person)s
       AND course_id IN (SELECT course_id FROM active_courses)
), per_course AS (
    SELECT course_id,
           count(*) AS total,
           count(*) FILTER (WHERE status IN ('excused', 'graded', 'submitted')) AS done
      FROM assignments
     GROUP BY course_id
), next_due AS (
    -- The first five of the list of assignments with this status, sorted by due date.
    SELECT assignment_id
      FROM assignments
     WHERE status = 'upcoming'
     ORDER BY due_at, assignment_id
     LIMIT 5
), counts AS (
    SELECT count(*) AS total,
           count(*) FILTER (WHERE status = 'upcoming') AS upcoming,
           count(*) FILTER (
               WHERE due_at > %(now)s AND due_at <= %(now)s + interval '7 days'
           ) AS due_this_week,
           count(*) FILTER (WHERE status = 'overdue') AS overdue,
           count(*) FILTER (WHERE missing) AS missing,
           count(*) FILTER (WHERE status = 'submitted') AS submitted,
           count(*) FILTER (WHERE status = 'graded') AS graded,
           count(*) FILTER (WHERE expects_submission) AS expecting_submission,
           count(*) FILTER (
               WHERE expects_submission AND status IN ('excused', 'graded', 'submitted')
           ) AS done,
           min(
               least(
                   CASE WHEN due_at > %(now)s + interval '7 days' THEN due_at - interval '7 days'
                        WHEN due_at > %(now)s THEN due_at END,
                   CASE WHEN submitted_at > %(now)s THEN submitted_at END,
                   CASE WHEN graded_at > %(now)s THEN graded_at END
               )
           ) AS changes_at
      FROM assignments
)
SELECT counts.total, counts.upcoming, counts.due_this_week, counts.overdue, counts.missing,
       counts.submitted, counts.graded, counts.expecting_submission, counts.done,
       (SELECT count(*) FROM active_courses) AS active_course_count,
       (
           SELECT count(*)
             FROM read.dashboard_courses
            WHERE person_id = %(person)s
              AND is_student
       ) AS course_count,
       (SELECT avg(current_score) FROM active_courses) AS average_score,
       (
           SELECT count(*)
             FROM read.dashboard_grade_changes
            WHERE person_id = %(person)s
              AND changed_at > %(now)s - interval '7 days'
              AND changed_at <= %(now)s
              AND course_id IN (SELECT course_id FROM active_courses)
       ) AS changed_this_week,
       (
           SELECT coalesce(array_agg(document ORDER BY due_at, assignment_id), '{{}}')
             FROM next_due
             JOIN read.dashboard_assignments USING (assignment_id)
       ) AS next_documents,
       (
           SELECT coalesce(array_agg({lock_reason} ORDER BY due_at, assignment_id), '{{}}')
             FROM next_due
             JOIN read.dashboard_assignments USING (assignment_id)
       ) AS next_lock_reasons,
       (
           SELECT coalesce(array_agg(parts ORDER BY due_at, assignment_id), '{{}}')
             FROM next_due
             JOIN read.dashboard_assignments USING (assignment_id)
       ) AS next_parts,
       (
           SELECT coalesce(array_agg(document ORDER BY name, course_id), '{{}}') FROM active_courses
       ) AS course_documents,
       (
           SELECT coalesce(
                      array_agg(coalesce(per_course.done, 0) ORDER BY name, course_id), '{{}}'
                  )
             FROM active_courses
             LEFT JOIN per_course USING (course_id)
       ) AS course_done_counts,
       (
           SELECT coalesce(
                      array_agg(coalesce(per_course.total, 0) ORDER BY name, course_id), '{{}}'
                  )
             FROM active_courses
             LEFT JOIN per_course USING (course_id)
       ) AS course_totals,
       (
           SELECT array_agg((submitted_at AT TIME ZONE 'UTC')::date)
             FROM assignments
            WHERE submitted_at >= %(since)s
              AND submitted_at <= %(now)s
       ) AS submitted_on,
       (
           SELECT array_agg((graded_at AT TIME ZONE 'UTC')::date)
             FROM assignments
            WHERE graded_at >= %(since)s
              AND graded_at <= %(now)s
       ) AS graded_on,
       connections.active AS active_connections,
       connections.failing AS failing_connections,
       connections.last_synced_at,
       -- The first time after now at which the clock changes one of these values, days aside.
       least(
           counts.changes_at,
           (
               SELECT min(
                          CASE WHEN changed_at > %(now)s THEN changed_at
                               ELSE changed_at + interval '7 days' END
                      )
                 FROM read.dashboard_grade_changes
                WHERE person_id = %(person)s
                  AND changed_at > %(now)s - interval '7 days'
           ),
           (
               SELECT min({lock_change})
                 FROM next_due
                 JOIN read.dashboard_assignments USING (assignment_id)
           )
       ) AS changes_at
  FROM counts,
       (
           SELECT count(*) FILTER (WHERE active) AS active,
                  count(*) FILTER (WHERE failed OR NOT active) AS failing,
                  max(last_synced_at) AS last_synced_at
             FROM read.dashboard_connections
            WHERE person_id = %(person)s
       ) AS connections
