WITH active AS (
    SELECT course_id, name, current_score, document
      FROM read.dashboard_courses
     WHERE person_id = %(person)s
       AND state = 'active'
), work AS MATERIALIZED (
    SELECT course_id, assignment_id, due_at, submitted_at, graded_at, asks_for_work,
           {locked} AS locked,
           {status} AS status
      FROM read.dashboard_assignments
     WHERE person_id = %(person)s
       AND course_id IN (SELECT course_id FROM active)
), per_course AS (
    SELECT course_id,
           count(*) AS total,
           count(*) FILTER (WHERE status IN ('excused', 'graded', 'submitted')) AS done
      FROM work
     GROUP BY course_id
), next_due AS (
    SELECT assignment_id, due_at, locked
      FROM work
     WHERE status = 'upcoming'
     ORDER BY due_at, assignment_id
     LIMIT 5
), counted AS (
    SELECT count(*) AS total,
           count(*) FILTER (WHERE status = 'upcoming') AS upcoming,
           count(*) FILTER (
               WHERE due_at > %(now)s AND due_at <= %(now)s + interval '7 days'
           ) AS due_this_week,
           count(*) FILTER (WHERE status = 'overdue') AS overdue,
           count(*) FILTER (WHERE status = 'missing') AS missing,
           count(*) FILTER (WHERE status = 'submitted') AS submitted,
           count(*) FILTER (WHERE status = 'graded') AS graded,
           count(*) FILTER (WHERE asks_for_work) AS asked,
           count(*) FILTER (
               WHERE asks_for_work AND status IN ('excused', 'graded', 'submitted')
           ) AS done
      FROM work
)
SELECT counted.total, counted.upcoming, counted.due_this_week, counted.overdue, counted.missing,
       counted.submitted, counted.graded, counted.asked, counted.done,
       (SELECT count(*) FROM active) AS active_courses,
       (
           SELECT count(*) FROM read.dashboard_courses WHERE person_id = %(person)s
       ) AS all_courses,
       (SELECT avg(current_score) FROM active) AS average_score,
       (
           SELECT count(*)
             FROM read.dashboard_grade_changes
            WHERE person_id = %(person)s
              AND changed_at > %(now)s - interval '7 days'
              AND changed_at <= %(now)s
              AND course_id IN (SELECT course_id FROM active)
       ) AS changed_this_week,
       (
           SELECT coalesce(array_agg(document ORDER BY next_due.due_at, assignment_id), '{{}}')
             FROM next_due
             JOIN read.dashboard_assignments USING (assignment_id)
       ) AS next_documents,
       (
           SELECT coalesce(array_agg(locked ORDER BY due_at, assignment_id), '{{}}') FROM next_due
       ) AS next_locked,
       (
           SELECT coalesce(array_agg(document ORDER BY name, course_id), '{{}}') FROM active
       ) AS glance_documents,
       (
           SELECT coalesce(
                      array_agg(coalesce(per_course.done, 0) ORDER BY name, course_id), '{{}}'
                  )
             FROM active
             LEFT JOIN per_course USING (course_id)
       ) AS glance_done,
       (
           SELECT coalesce(
                      array_agg(coalesce(per_course.total, 0) ORDER BY name, course_id), '{{}}'
                  )
             FROM active
             LEFT JOIN per_course USING (course_id)
       ) AS glance_totals,
       (
           SELECT array_agg((submitted_at AT TIME ZONE 'UTC')::date)
             FROM work
            WHERE submitted_at >= %(since)s
              AND submitted_at <= %(now)s
       ) AS submitted_on,
       (
           SELECT array_agg((graded_at AT TIME ZONE 'UTC')::date)
             FROM work
            WHERE graded_at >= %(since)s
              AND graded_at <= %(now)s
       ) AS graded_on,
       connections.active AS active_connections,
       connections.failing AS failing_connections,
       connections.last_synced_at
  FROM counted,
       (
           SELECT count(*) FILTER (WHERE active) AS active,
                  count(*) FILTER (WHERE failed OR NOT active) AS failing,
                  max(last_synced_at) AS last_synced_at
             FROM read.dashboard_connections
            WHERE person_id = %(person)s
       ) AS connections
