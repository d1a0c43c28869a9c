-- Fails on every candidate pair that names a record which is in neither table: keys or pairs of another day.
select c.left_id, c.right_id
from {{ ref("candidates") }} as c
left join {{ ref("customers") }} as l on l.id = c.left_id
left join {{ ref("orders") }} as r on r.id = c.right_id
where l.id is null or r.id is null
