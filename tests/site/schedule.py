"""What writing a Task's dates does to its own other dates and to the Tasks that wait for it.

Days are working days, Monday to Friday, of eight hours. `start_date`, `due_date` and `duration`
follow from each other; an unpinned downstream Task is placed by its TaskDependency rows.
"""

import datetime

DAY = 480       # minutes of work


def _date(text):
    return datetime.date.fromisoformat(text)


def _work_day(day, step=1):
    while day.weekday() > 4:
        day += datetime.timedelta(days=step)
    return day


def add_work_days(day, count):
    """The work day `count` work days after `day` (before, when negative)."""
    step = 1 if count >= 0 else -1
    day = _work_day(day, step)
    for _ in range(abs(count)):
        day = _work_day(day + datetime.timedelta(days=step), step)
    return day


def work_days(start, due):
    """How many work days lie in start..due, both included."""
    count, day = 0, start
    while day <= due:
        count += day.weekday() < 5
        day += datetime.timedelta(days=1)
    return count


def settle(values, written):
    """Completes the dates of a Task's values, where `written` names what was just set."""
    start, due, duration = values.get("start_date"), values.get("due_date"), values.get("duration")
    out = {}
    if start and due and ("due_date" in written or duration is None) and "duration" not in written:
        out["duration"] = max(work_days(_date(start), _date(due)), 0) * DAY
    elif start and duration:
        out["due_date"] = add_work_days(_date(start), max(-(-duration // DAY), 1) - 1).isoformat()
    elif due and duration and "start_date" not in written:
        out["start_date"] = add_work_days(_date(due), 1 - max(-(-duration // DAY), 1)).isoformat()
    return {name: value for name, value in out.items() if values.get(name) != value}


def placed(task, upstream, kind, offset):
    """(start, due) that a dependency gives a Task, or None when a date is missing."""
    first, last = upstream.get("start_date"), upstream.get("due_date")
    if not (first and last and task.get("start_date") and task.get("due_date")):
        return None
    length = max(work_days(_date(task["start_date"]), _date(task["due_date"])), 1)
    offset = offset or 0
    if kind == "start-to-start":
        start = add_work_days(_date(first), offset)
    elif kind == "finish-to-finish":
        start = add_work_days(_date(last), offset - length + 1)
    elif kind == "start-to-finish-next-day":
        start = add_work_days(_date(first), offset - length)
    else:
        start = add_work_days(_date(last), 1 + offset)
    return start.isoformat(), add_work_days(start, length - 1).isoformat()


def downstream(store, task):
    """[(task row, dependency row)…] of the Tasks that wait for this one."""
    table = store.tables.get("TaskDependency")
    waiting = set(store.links(task, "downstream_tasks"))
    if not table or not waiting:
        return []
    found = []
    for row_id in table.active:
        row = table.rows[row_id]
        if row.v.get("dependent_task") == task.key and row.v.get("task") in waiting:
            found.append((store.row(row.v["task"]), row))
    return found
