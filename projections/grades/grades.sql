-- The grades of one person. The last column has the entries of a course as JSON, joined by commas.
SELECT name, course_id, document,
       coalesce(
           (
               SELECT string_agg(
                          entry, ','::bytea ORDER BY due_at, assignment_id
                      )
                 FROM read.grade_entries AS entries
                WHERE entries.person_id = grades.person_id
                  AND entries.course_id = grades.course_id
           ),
           ''::bytea
       ) AS assignments
  FROM read.grades AS grades
 WHERE person_id = %(person)s
   AND is_student
   AND NOT withdrawn
   AND (%(connection)s::uuid IS NULL OR connection_id = %(connection)s)
   AND (%(course)s::uuid IS NULL OR course_id = %(course)s)
   AND (%(id)s::uuid IS NULL OR (name, course_id) > (%(name)s::text, %(id)s::uuid))
 ORDER BY name, course_id
 LIMIT %(limit)s
