fptc_unit_test(test_api_hold test_api_hold.c store_help.c TIMEOUT 120)
fptc_unit_test(test_api_doctor test_api_doctor.c store_help.c)
fptc_unit_test(test_api_pin test_api_pin.c store_help.c)
fptc_unit_test(test_api_pending test_api_pending.c store_help.c)
