fptc_unit_test(test_api_hold test_api_hold.c store_help.c)
