# The journal half: commits, publishing, the log, deletion.
fptc_unit_test(test_store_commit)
foreach(name IN ITEMS test_store_layout test_store_publish test_store_log test_store_append test_store_turn
    test_store_drop test_store_repair test_store_retire test_store_rollup test_store_shun)
  fptc_unit_test(${name} ${name}.c store_help.c)
endforeach()

# The SQLite half: tables, applying, snapshots, their VFS, compaction.
foreach(name IN ITEMS test_store_tables test_store_apply test_store_apply_meta)
  fptc_unit_test(${name} ${name}.c tables_help.c random_help.c)
endforeach()
fptc_unit_test(test_store_wish)
foreach(name IN ITEMS test_store_snapshot test_store_vfs test_store_compact test_store_indexes)
  fptc_unit_test(${name} ${name}.c snapshot_help.c tables_help.c random_help.c)
endforeach()
