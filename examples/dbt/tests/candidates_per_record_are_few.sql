-- Fails on every record of the left table with more candidates than a reviewer reads.
select left_id, count(*) as candidates
from {{ ref("candidates") }}
group by left_id
having count(*) > {{ var("most_candidates", 100) }}
