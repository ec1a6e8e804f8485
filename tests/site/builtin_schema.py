"""The built-in schema of the test site: one line per field, `name type arguments`.

Arguments: types of a link or values of a list in brackets, `=x` default, `!` mandatory, `-` not
editable. `@name` in a type's first line adds the group of fields of that name.
"""

GROUPS = {
    "tracked": """
created_at date_time -
created_by entity [HumanUser ApiUser] -
updated_at date_time -
updated_by entity [HumanUser ApiUser] -
cached_display_name text
""",
    "named": "cached_display_name text",
    "images": """
image image
filmstrip_image image
image_blur_hash text -
image_source_entity entity [Asset Sequence Shot Version Task] -
""",
    "noted": """
notes multi_entity [Note]
open_notes multi_entity [Note] -
open_notes_count summary -
tags multi_entity [Tag]
""",
}

STATUSES = ("wtg", "rdy", "ip", "rev", "hld", "fin", "apr", "na", "omt", "clsd", "opn", "cmpt", "act",
            "dis", "vwd", "res")

TYPES = {
    "Project @tracked @images": """
name text !
code text
tank_name text
archived checkbox
is_template checkbox
is_demo checkbox
sg_status list [Bidding Active Lost Hold Archive]
sg_type list [Commercial Episodic Feature Game Other]
sg_description text
sg_fps float
start_date date
end_date date
duration number -
color color
billboard url
landing_page_url text
tracking_settings serializable
current_user_favorite checkbox
last_accessed_by_current_user date_time
users multi_entity [HumanUser]
tags multi_entity [Tag]
""",
    "HumanUser @tracked @images": """
login text
firstname text
lastname text
name text !
email text
sg_status_list status_list [act dis] =act
admin checkbox
can_impersonate_this_user checkbox
department entity [Department]
permission_rule_set entity [PermissionRuleSet]
projects multi_entity [Project]
groups multi_entity [Group]
password_proxy password
percent_capacity percent =100
sg_day_rate currency
color color
language list [en ja zh-hans ko]
tags multi_entity [Tag]
""",
    "ApiUser @tracked @images": """
firstname text !
lastname text
description text
email text
generate_event_log_entries checkbox
permission_rule_set entity [PermissionRuleSet]
projects multi_entity [Project]
salted_password password
tags multi_entity [Tag]
""",
    "PermissionRuleSet @tracked": """
code text !
display_name text
entity_type entity_type -
parent_set entity [PermissionRuleSet]
""",
    "Group @tracked": """
code text !
sg_email text
users multi_entity [HumanUser]
tags multi_entity [Tag]
""",
    "Department @tracked": """
name text !
code text
department_type list [Production Artists Pipeline]
color color
list_order number
sg_status_list status_list [act dis] =act
users multi_entity [HumanUser]
steps multi_entity [Step]
tags multi_entity [Tag]
""",
    "Step @tracked": """
code text !
short_name text !
color color
department entity [Department]
description text
entity_type entity_type
list_order number
""",
    "Status @tracked": """
code text
name text !
bg_color color
system checkbox -
""",
    "Tag @tracked": """
name text !
usage number -
""",
    "Sequence @tracked @images @noted": """
code text !
project entity [Project]
description text
sg_status_list status_list [wtg ip hld fin omt] =wtg
sg_sequence_type list [Main Titles Credits]
sg_complexity percent
sg_cut_order number
sg_budget currency
sg_airs_at date_time
sg_delivery_date date
assets multi_entity [Asset]
shots multi_entity [Shot]
tasks multi_entity [Task]
sg_versions multi_entity [Version]
""",
    "Shot @tracked @images @noted": """
code text !
project entity [Project]
description text
sg_sequence entity [Sequence]
sg_status_list status_list [wtg rdy ip rev hld fin omt] =wtg
sg_shot_type list [VFX Animation CG Matte]
sg_cut_in number
sg_cut_out number
sg_cut_order number
sg_head_in number
sg_tail_out number
sg_aspect_ratio float
sg_percentage_complete percent
sg_shot_costs currency
sg_bid duration
sg_rec_tc_in timecode
sg_turnover_date date
sg_client_seen_at date_time
sg_needs_retime checkbox
sg_reference url
assets multi_entity [Asset]
shots multi_entity [Shot]
parent_shots multi_entity [Shot]
tasks multi_entity [Task]
sg_versions multi_entity [Version]
sg_published_files multi_entity [PublishedFile]
task_template entity [TaskTemplate]
step_0 pivot_column -
""",
    "Asset @tracked @images @noted": """
code text !
project entity [Project]
description text
sg_asset_type list [Character Environment Prop FX Graphic Vehicle Weapon]
sg_status_list status_list [wtg ip hld fin omt] =wtg
sg_keep checkbox
sg_outsource checkbox
sg_creative_brief url
sg_scale float
sg_poly_budget number
sg_complete percent
sg_cost currency
sg_bid duration
sg_due date
sg_approved_at date_time
shots multi_entity [Shot]
sequences multi_entity [Sequence]
assets multi_entity [Asset]
parents multi_entity [Asset]
tasks multi_entity [Task]
sg_versions multi_entity [Version]
sg_published_files multi_entity [PublishedFile]
linked_projects multi_entity [Project]
sg_vendor_groups multi_entity [Group]
task_template entity [TaskTemplate]
step_0 pivot_column -
""",
    "Task @tracked @images @noted": """
content text !
project entity [Project]
entity entity [Asset Sequence Shot CustomEntity01]
step entity [Step]
sg_status_list status_list [wtg rdy ip rev hld fin omt na] =wtg
sg_description text
sg_priority list [Low Normal High Urgent]
start_date date
due_date date
duration duration
est_in_mins duration
time_logs_sum duration - =0
time_percent_of_est percent
sg_budget currency
sg_sort_order number
sg_review_at date_time
milestone checkbox
pinned checkbox
implicit checkbox
dependency_violation checkbox -
color color
splits serializable
workload calculated -
task_assignees multi_entity [HumanUser Group]
task_reviewers multi_entity [HumanUser Group]
upstream_tasks multi_entity [Task]
downstream_tasks multi_entity [Task]
sibling_tasks multi_entity [Task] -
task_template entity [TaskTemplate]
template_task entity [Task]
""",
    "Version @tracked @images @noted": """
code text !
project entity [Project]
description text
entity entity [Asset Sequence Shot CustomEntity01]
sg_task entity [Task]
user entity [HumanUser ApiUser Group]
sg_status_list status_list [na rev vwd apr fin ip] =rev
sg_version_type list [Type\\ A Type\\ B Type\\ C]
sg_department text
frame_count number
frame_range text
sg_first_frame number
sg_last_frame number
sg_movie_aspect_ratio float
sg_uploaded_movie_frame_rate float
sg_uploaded_movie url
sg_path_to_frames text
sg_path_to_movie text
sg_start_tc timecode
sg_render_cost currency
sg_render_time duration
sg_quality percent
sg_shoot_date date
client_approved checkbox
client_approved_at date_time
client_approved_by entity [HumanUser]
client_code text
flagged checkbox
viewed_by_current_user list [read unread]
playlists multi_entity [Playlist]
published_files multi_entity [PublishedFile]
tasks multi_entity [Task]
""",
    "PublishedFile @tracked @images": """
code text !
name text
project entity [Project]
description text
entity entity [Asset Shot Sequence]
task entity [Task]
version entity [Version]
version_number number
published_file_type entity [PublishedFileType]
path url
path_cache text
path_cache_storage entity [LocalStorage]
sg_status_list status_list [wtg ip cmpt] =wtg
sg_size_mb float
upstream_published_files multi_entity [PublishedFile]
downstream_published_files multi_entity [PublishedFile]
tags multi_entity [Tag]
""",
    "PublishedFileType @tracked": """
code text !
short_name text
description text
sg_status_list status_list [wtg ip cmpt] =wtg
tags multi_entity [Tag]
""",
    "Note @tracked @images": """
subject text
content text
project entity [Project]
user entity [HumanUser ApiUser]
sg_status_list status_list [opn ip clsd] =opn
sg_note_type list [Internal Client]
note_links multi_entity [Shot Asset Version Sequence Playlist CustomEntity01]
tasks multi_entity [Task]
addressings_to multi_entity [HumanUser Group]
addressings_cc multi_entity [HumanUser Group]
attachments multi_entity [Attachment]
replies multi_entity [Reply]
client_note checkbox
read_by_current_user list [read unread]
meta jsonb -
tags multi_entity [Tag]
""",
    "Reply @named": """
content text !
entity entity [Note Version]
user entity [HumanUser ApiUser]
created_at date_time -
publish_status text
""",
    "Playlist @tracked @images @noted": """
code text !
project entity [Project]
description text
locked checkbox
sg_date_and_time date_time
sg_playlist_type list [Dailies Client\\ Review Delivery]
versions multi_entity [Version]
""",
    "TimeLog @tracked": """
project entity [Project]
entity entity [Task]
user entity [HumanUser]
date date
duration duration =0
description text
sg_approval_status list [Approved Rejected]
""",
    "LocalStorage @tracked": """
code text !
description text
linux_path text
mac_path text
windows_path text
uuid uuid -
""",
    "TaskDependency @named": """
task entity [Task]
dependent_task entity [Task]
dependency_type text
offset_days number
shift_ratio float
""",
    "TaskTemplate @tracked": """
code text !
description text
entity_type entity_type
""",
    "EventLogEntry @named": """
event_type text
attribute_name text
description text !
meta serializable -
entity entity [Asset HumanUser Note Playlist Project PublishedFile Sequence Shot Task Version CustomEntity01] -
project entity [Project]
user entity [HumanUser ApiUser] -
created_at date_time -
session_uuid uuid -
audit_trail jsonb -
""",
    "Attachment @tracked @images": """
display_name text
filename text -
original_fname text
file_extension text -
file_size number -
description text
project entity [Project]
this_file url !
local_storage entity [LocalStorage] -
attachment_links multi_entity [Note Version Shot Asset]
sg_status_list status_list [fin na] =na
notes multi_entity [Note]
tags multi_entity [Tag]
""",
    "CustomEntity01 @tracked @images @noted": """
code text !
project entity [Project]
description text
sg_status_list status_list [wtg ip fin] =wtg
sg_expected_date date
sg_velocity number
sg_owner entity [HumanUser]
tasks multi_entity [Task]
""",
}
