#include <stddef.h>

#include "fptcache/fptcache.h"

const char *fptc_version(void)
{
    return FPTC_VERSION_STRING;
}

#define NAME(status)                                                                               \
    {                                                                                              \
        status, #status                                                                            \
    }

const char *fptc_status_name(fptc_status status)
{
    static const struct {
        fptc_status status;
        const char *name;
    } names[] = {
        NAME(FPTC_OK),         NAME(FPTC_MISS),     NAME(FPTC_END),      NAME(FPTC_PENDING),
        NAME(FPTC_UNKNOWN),    NAME(FPTC_EUSAGE),   NAME(FPTC_EFORK),    NAME(FPTC_ESTATE),
        NAME(FPTC_EIO),        NAME(FPTC_ENOENT),   NAME(FPTC_ENOSPC),   NAME(FPTC_EACCESS),
        NAME(FPTC_EEXIST),     NAME(FPTC_EFORMAT),  NAME(FPTC_EDAMAGED), NAME(FPTC_ERACE),
        NAME(FPTC_EPINNED),    NAME(FPTC_ENET),     NAME(FPTC_ETLS),     NAME(FPTC_ESERVER),
        NAME(FPTC_EREFUSED),   NAME(FPTC_EAUTH),    NAME(FPTC_EBUSY),    NAME(FPTC_ENODATA),
        NAME(FPTC_ECONFLICT),  NAME(FPTC_ENOMEM),   NAME(FPTC_ELIMIT),   NAME(FPTC_EDEADLINE),
        NAME(FPTC_ECANCELLED), NAME(FPTC_EINTERNAL)};
    size_t i;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (names[i].status == status)
            return names[i].name;
    }
    return "FPTC_E?";
}
