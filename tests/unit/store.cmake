# The journal half: commits, publishing, the log, deletion.
fptc_unit_test(test_store_commit)
foreach(name IN ITEMS test_store_layout test_store_publish test_store_log test_store_append
    test_store_retire)
  fptc_unit_test(${name} ${name}.c store_help.c)
endforeach()
