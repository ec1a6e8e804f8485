/* The smallest use: what was compiled against is what was loaded. Valid C and C++. */
#include <fptcache/fptcache.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
    printf("%s\n", fptc_version());
    return strcmp(fptc_version(), FPTC_VERSION_STRING) == 0 ? 0 : 1;
}
