/* help.c: the table of verbs, and what `fptcache help` prints from it. */
#include "failure.h"
#include "verbs.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* Options of `find`. */
#define QUESTION                                                                                   \
    (OPT_BIT(OPT_FILTERS) | OPT_BIT(OPT_FIELDS) | OPT_BIT(OPT_ORDER) | OPT_BIT(OPT_LIMIT) |        \
     OPT_BIT(OPT_PAGE))

const struct verb verbs[] = {
    {"init", verb_init, 0, 1, OPT_BIT(OPT_SITE), "init DIR --site URL",
     "make a cache directory for a site",
     "Makes no request. Doing it again with the same site does nothing. With credentials given, the\n"
     "directory is bound to their identity: FPT shows different rows to different people.\n"},
    {"mirror", verb_mirror, 1, 1, OPT_BIT(OPT_TYPE) | OPT_BIT(OPT_FIELDS),
     "mirror add|rm|ls [--project ID] [--type T[,T...]] [--fields a,b]",
     "declare which types are kept whole",
     "Without --project: types that belong to no project, such as HumanUser. Without --fields: every\n"
     "field that can be kept. Declaring fetches no rows; `fptcache sync` does.\n"},
    {"sync", verb_sync, 0, 0, 0, "sync [--project ID]", "fetch what is mirrored",
     "The first time all rows, later what changed. Ctrl-C stops it, and the next sync goes on there.\n"},
    {"find", verb_find_rows, 1, 1, QUESTION | OPT_BIT(OPT_HIDE_PENDING),
     "find TYPE [--project ID] [--filters JSON] [--fields a,b] [--order a,-b] [--limit N] [--page N]\n"
     "  [--hide-pending]",
     "ask a question",
     "--filters takes FPT's spelling or that of shotgun_api3, e.g.\n"
     "  '[[\"sg_status_list\",\"is\",\"ip\"]]'; also @FILE, or - for standard input.\n"
     "--project N adds `project is N`. --order: a leading - means descending.\n"
     "Writes behind that FPT does not have yet show, and --json lists their ids as \"pending\";\n"
     "--hide-pending: as FPT has it.\n"},
    {"summarize", verb_summarize, 1, 1,
     OPT_BIT(OPT_FILTERS) | OPT_BIT(OPT_SUMMARIES) | OPT_BIT(OPT_GROUP),
     "summarize TYPE [--project ID] [--filters JSON] [--summaries F:T,...] [--group F[:T],-F,...]",
     "count, sum and group rows",
     "--summaries: fields, each with its summary type, e.g. id:count,due_date:latest; without it\n"
     "id:count. --group: fields, the outermost group first, each with its grouping type (exact); a\n"
     "leading - means descending. Types are FPT's own. --filters as for `find`.\n"},
    {"explain", verb_explain, 1, 1, QUESTION, "explain TYPE [options of find]",
     "tell how a question would be answered",
     "From the cache or why not, by which SQL and indexes, and how many rows it reads here.\n"},
    {"sql", verb_sql, 1, 1, 0, "sql SELECT... --project ID", "run SQL over what the cache has",
     "One SELECT, read-only; also @FILE, or - for standard input. Tables are FPT's types, columns its\n"
     "fields; a link is field__type and field__id, a multi-entity field the table Type__field (id, pos,\n"
     "link_type, link_id). Without --project: the types that belong to none. --json: one row a line.\n"
     "Stops after a minute, or after --deadline.\n"},
    {"export", verb_export, 1, 1, QUESTION | OPT_BIT(OPT_FORMAT) | OPT_BIT(OPT_OUTPUT),
     "export TYPE --format jsonl|csv [--output FILE] [options of find]", "write rows to a file",
     "Without --fields: every field that the cache keeps. FILE gets its name when it is complete. In\n"
     "CSV a link is Type:id, and lists have a semicolon between.\n"},
    {"get", verb_get, 2, 2, OPT_BIT(OPT_FIELDS), "get TYPE ID [--fields a,b]", "show one row",
     "Without --fields: the standard fields that the type has.\n"},
    {"search", verb_search, 1, 1, OPT_BIT(OPT_TYPES) | OPT_BIT(OPT_LIMIT) | OPT_BIT(OPT_PAGE),
     "search TEXT [--types A,B|JSON] [--project ID] [--limit N] [--page N]",
     "search names, as FPT does",
     "Every word must be part of a row's name, or of the name of what it links to. FPT is asked each\n"
     "time and gives 25 rows at most; --page N gives the next ones. --types takes names, or filters for\n"
     "each type as JSON: '{\"Shot\":[[\"sg_status_list\",\"is\",\"ip\"]],\"Asset\":[]}'; also @FILE, or - for\n"
     "standard input. Without it: Asset,Sequence,Shot,Task,Version.\n"},
    {"schema", verb_schema, 0, 2, 0, "schema [TYPE [FIELD]] [--project ID]",
     "tell which types and fields there are",
     "--project ID: as that project shows them. The answer of one process serves all for ten minutes.\n"},
    {"create", verb_create, 1, 1, OPT_BIT(OPT_DATA) | OPT_BIT(OPT_EVENT),
     "create TYPE --data JSON [--project ID]", "create a row in FPT and in the cache",
     "--data is an object of fields and values; also @FILE, or - for standard input.\n"
     "--project N is used when the data names no project. --event ID repeats an earlier attempt\n"
     "without doing it twice.\n"},
    {"update", verb_update, 2, 2, OPT_BIT(OPT_DATA) | OPT_BIT(OPT_EVENT) | OPT_BIT(OPT_ON_CONFLICT),
     "update TYPE ID --data JSON [--on-conflict M]",
     "change fields of a row in FPT and in the cache",
     "--data and --event as for `create`. A list of links becomes the one given; to add or remove:\n"
     "{\"assets\":{\"multi_entity_update_mode\":\"add\",\"value\":[...]}}. --on-conflict, with --write\n"
     "behind, when somebody else changes a field meanwhile: fail (default; it waits in the outbox),\n"
     "overwrite, merge (the other fields are written).\n"},
    {"delete", verb_delete, 2, 2, OPT_BIT(OPT_EVENT), "delete TYPE ID",
     "retire a row in FPT and in the cache", "--event as for `create`.\n"},
    {"revive", verb_revive, 2, 2, OPT_BIT(OPT_EVENT), "revive TYPE ID",
     "take back that a row was retired", "--event as for `create`.\n"},
    {"batch", verb_batch, 1, 1, OPT_BIT(OPT_EVENT) | OPT_BIT(OPT_ON_CONFLICT), "batch FILE|-",
     "create, update and delete in one, all or none",
     "FILE is a list of up to 1,000 requests as shotgun_api3 spells them:\n"
     "  [{\"request_type\":\"create\",\"entity_type\":\"Shot\",\"data\":{...}},\n"
     "   {\"request_type\":\"update\",\"entity_type\":\"Shot\",\"entity_id\":862,\"data\":{...},\n"
     "    \"multi_entity_update_modes\":{\"assets\":\"add\"}},\n"
     "   {\"request_type\":\"delete\",\"entity_type\":\"Shot\",\"entity_id\":863}]\n"
     "--event as for `create`, --on-conflict as for `update`.\n"},
    {"resolve", verb_resolve, 1, 1, 0, "resolve ID",
     "tell FPT's id of a row that was created behind",
     "ID is the provisional one, below 0. Exit code 7 while FPT has not got the row.\n"},
    {"outbox", verb_outbox, 1, 2,
     OPT_BIT(OPT_ALL) | OPT_BIT(OPT_DATA) | OPT_BIT(OPT_ALL_REFUSED) | OPT_BIT(OPT_BEFORE),
     "outbox ls [--all] | show EVENT | retry EVENT | edit EVENT --data JSON |\n"
     "    drop EVENT | retry|drop --all-refused [--before AGE]",
     "look after writes that wait or were refused",
     "`ls`: the writes that have no end yet, and those that FPT refused or nobody can tell of; --all: also\n"
     "those that are done or dropped. `show` tells all about one, and what to do next. `retry` has it\n"
     "sent again (by `maintain`, or whoever holds the outbox), `edit` with other fields; `drop` never\n"
     "again; --all-refused: what FPT refused, of writes of --before 7d: a week ago or earlier; each is printed,\n"
     "and those in conflict or uncertain stay. Only the identity whose write it is may decide. FPT is not asked.\n"},
    {"upload", verb_upload, 3, 3, OPT_BIT(OPT_FIELD) | OPT_BIT(OPT_NAME),
     "upload TYPE ID FILE [--field NAME] [--name TEXT]", "send a file to FPT",
     "Into a file field, as the thumbnail with --field image, or without --field as an Attachment of the\n"
     "row; --name is what FPT shows it as. Prints which Attachment it is, where FPT tells. Large files go in\n"
     "parts. Ctrl-C gives up, and nothing is attached. Exit code 7: look at the row before you try again.\n"},
    {"compact", verb_compact, 0, 0, OPT_BIT(OPT_PARTITION), "compact [--partition NAME]",
     "fold commits into new snapshots",
     "NAME is site, outbox or project-101; without it, all of them. Any number of processes may do\n"
     "it at once, and everybody keeps reading.\n"},
    {"maintain", verb_maintain, 0, 0, 0, "maintain", "do one round of upkeep, for cron",
     "Of each partition that nobody else holds: fetches what changed of the mirrored types, finishes\n"
     "writes whose outcome is unknown, folds commits when it is time, deletes files that nobody needs.\n"
     "A claim that another has left behind is watched for half a minute first. Any number of processes\n"
     "may do it at once.\n"},
    {"hold", verb_hold, 0, 0, 0, "hold", "do the upkeep until stopped, as a service",
     "Or stands by for whoever does it already. Ctrl-C or SIGTERM end it, and the next one need not\n"
     "wait. Nobody has to run it: every process with --hold auto steps in when work is overdue.\n"},
    {"verify", verb_verify, 0, 0, 0, "verify", "check every file of the cache",
     "Changes nothing, and may run while others write. Exit code 5 when something is damaged. With a bar\n"
     "on a terminal.\n"},
    {"repair", verb_repair, 0, 0, OPT_BIT(OPT_SITE), "repair [--site URL]",
     "rebuild what is damaged, and say what is lost",
     "From older snapshots and the commits that are left; what is lost for good is fetched from FPT\n"
     "again when it is asked for. Others may read and write meanwhile. When fptcache.json itself cannot\n"
     "be read, give --site and the credentials of whoever filled the cache.\n"},
    {"doctor", verb_doctor, 0, 1, OPT_BIT(OPT_PEER), "doctor [DIR] [--peer NAME]",
     "measure a directory before a cache is trusted to it",
     "Its mount, links, clock, free space, permissions, and the cache in it if there is one. --peer NAME, on\n"
     "two hosts at once: what each sees of the other. Ends with 9 where no cache may live.\n"},
    {"pin", verb_pin, 1, 2, OPT_BIT(OPT_TTL),
     "pin add [--project ID] [--ttl T] | touch ID | rm ID | ls",
     "keep the present readable for a job",
     "`pin add` folds commits, prints an id, and what the cache holds now of the project and of the types\n"
     "without one stays. Commands with --pin ID (or FPTCACHE_PIN) then read exactly that, on any host:\n"
     "FPT is not asked, and nothing is written. A pin ends when it was not touched for --ttl (24h).\n"},
    {"drop", verb_drop, 0, 0, OPT_BIT(OPT_YES), "drop --project ID --yes",
     "drop what the cache holds of a project",
     "FPT is not touched. Everybody who has it open sees it empty; its files go after the grace, when\n"
     "somebody compacts. It may be mirrored again. Refused while writes to it have no known end.\n"},
    {"status", verb_status, 0, 0, 0, "status", "tell what the cache holds and how old it is", ""},
    {"version", verb_version, 0, 0, 0, "version", "tell the version", ""},
    {"help", verb_help, 0, 1, 0, "help [VERB]", "explain a verb", ""},
};
const int n_verbs = (int)(sizeof(verbs) / sizeof(verbs[0]));

static const char common_options[] =
    "Options of every verb, before or after it:\n"
    "  --cache DIR       the shared directory (FPTCACHE_DIR)\n"
    "  --project ID      the project\n"
    "  --json            print the library's JSON\n"
    "  --max-age T       oldest answer to take without asking FPT (default 60s; 0: always ask)\n"
    "  --mode M          prefer-cache (default), only-cache (never a request), refresh (always ask)\n"
    "  --write M         when a write returns: through (default; FPT has it), behind (it is durable here, and\n"
    "                    exit code 7)\n"
    "  --marker-field F  a text field of FPT that creates leave their event id in\n"
    "  --deadline T      give up after that time (default: none)\n"
    "  --pin ID          read what that pin holds, and nothing else (FPTCACHE_PIN)\n"
    "  --hold M          never, auto (default), always: who may do the upkeep, see `help hold`\n"
    "  --script NAME     the script to be at FPT (FPTCACHE_SCRIPT_NAME)\n"
    "  --key-file FILE   holds the script's key, mode 0600 (FPTCACHE_SCRIPT_KEY_FILE); the key itself\n"
    "                    comes from there or from FPTCACHE_SCRIPT_KEY, never from the command line\n"
    "  --verbose, -v     say what happens, on stderr\n"
    "Times are written 500ms, 30s, 5m, 2h or 1d.\n";

static const char exit_codes[] =
    "Exit codes: 0 done, 1 nothing found, 2 usage, 3 nothing provable to show or FPT out of reach,\n"
    "4 refused by FPT, 5 store damaged, 6 deadline or stopped, 7 pending or unknown, 8 conflict, "
    "9 I/O.\n";

const struct verb *verb_find(const char *name)
{
    int i;

    for (i = 0; i < n_verbs; i++)
        if (strcmp(verbs[i].name, name) == 0)
            return &verbs[i];
    return NULL;
}

int verb_unknown(const char *name)
{
    const char *names[sizeof(verbs) / sizeof(verbs[0])];
    const char *nearest;
    int i;

    for (i = 0; i < n_verbs; i++)
        names[i] = verbs[i].name;
    nearest = nearest_name(name, names, n_verbs);
    if (nearest)
        return complain_usage("there is no verb %s; did you mean %s?", name, nearest);
    return complain_usage("there is no verb %s; `fptcache help` lists them", name);
}

void print_overview(void)
{
    int i;

    printf("fptcache VERB ...: FPT's production data from a shared directory\n\n");
    for (i = 0; i < n_verbs; i++)
        printf("  %-9s  %s\n", verbs[i].name, verbs[i].purpose);
    printf("\n%s\n%s\n`fptcache help VERB` tells more.\n", common_options, exit_codes);
}

void print_help(const struct verb *verb)
{
    printf("fptcache %s\n\n%c%s.\n%s%s\n%s\n%s", verb->synopsis, toupper(verb->purpose[0]),
           verb->purpose + 1, verb->details[0] ? "\n" : "", verb->details, common_options,
           exit_codes);
}
