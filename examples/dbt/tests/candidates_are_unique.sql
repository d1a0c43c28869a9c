-- Fails on every pair that is a candidate more than once.
select left_id, right_id, count(*) as times
from {{ ref("candidates") }}
group by left_id, right_id
having count(*) > 1
