/*
 * main.c: the command `fptcache`. It uses nothing but <fptcache/fptcache.h>.
 *
 * arguments  the command line          verbs_*    what each verb does
 * session    options, opening          rows       results as tables
 * failure    messages and exit codes   document   status and the like, laid out
 * help       the table of verbs        table, json, text: helpers
 */
#include "failure.h"
#include "session.h"
#include "verbs.h"

#include <stdio.h>

int verb_version(const struct arguments *a)
{
    if (session_is_json(a))
        printf("{\"version\":\"%s\"}\n", fptc_version());
    else
        printf("fptcache %s\n", fptc_version());
    return 0;
}

int verb_help(const struct arguments *a)
{
    const struct verb *verb;

    if (a->n_words == 0) {
        print_overview();
        return 0;
    }
    verb = verb_find(a->words[0]);
    if (!verb)
        return verb_unknown(a->words[0]);
    print_help(verb);
    return 0;
}

static int run(const struct arguments *a)
{
    const struct verb *verb;
    int failed;

    if (!a->verb) {
        if (a->value[OPT_HELP]) {
            print_overview();
            return 0;
        }
        return complain_usage("what shall be done? `fptcache help` lists the verbs");
    }
    verb = verb_find(a->verb);
    if (!verb)
        return verb_unknown(a->verb);
    if (a->value[OPT_HELP]) {
        print_help(verb);
        return 0;
    }
    if (a->n_words < verb->n_words_min || a->n_words > verb->n_words_max)
        return complain_usage("write it as: fptcache %s", verb->synopsis);
    failed = arguments_check(a, verb->options);
    return failed ? failed : verb->run(a);
}

int main(int argc, char **argv)
{
    struct arguments a;
    int code = arguments_read(argc, argv, &a);

    if (!code)
        code = run(&a);
    /* Half an answer in a full file must not pass for a whole one. */
    if (fflush(stdout) != 0 || ferror(stdout)) {
        complain("standard output cannot be written");
        code = EXIT_IO;
    }
    return code;
}
