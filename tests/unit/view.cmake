fptc_unit_test(test_view_idset)
fptc_unit_test(test_view_rows)
fptc_unit_test(test_view_lookup test_view_lookup.c store_help.c)
fptc_unit_test(test_view_stream test_view_stream.c store_help.c)
