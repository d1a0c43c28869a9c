-- Fails with one row if fewer than 95 % of the known matches are candidates: the recall is too low.
select avg(case when c.left_id is null then 0 else 1 end) as recall
from {{ ref("known_matches") }} as k
left join {{ ref("candidates") }} as c on c.left_id = k.left_id and c.right_id = k.right_id
having avg(case when c.left_id is null then 0 else 1 end) < {{ var("least_recall", 0.95) }}
