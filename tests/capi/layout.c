/* Prints the size of each struct that programs share with the library, and the offset of each field that they touch. */
#include <mysql.h>
#include <mariadb_rpl.h>
#include <stddef.h>
#include <stdio.h>

#define SIZE(type) printf(#type " %zu\n", sizeof(type))
#define AT(type, field) printf(#type "." #field " %zu\n", offsetof(type, field))

int main(void) {
    SIZE(MYSQL); SIZE(NET); SIZE(struct st_mysql_options); SIZE(MYSQL_RES); SIZE(MYSQL_ROWS); SIZE(MYSQL_DATA);
    SIZE(MYSQL_FIELD); SIZE(MYSQL_BIND); SIZE(MYSQL_STMT); SIZE(MYSQL_TIME); SIZE(MY_CHARSET_INFO);
    SIZE(MARIADB_CHARSET_INFO); SIZE(MA_MEM_ROOT); SIZE(LIST); SIZE(MYSQL_PARAMETERS);
    AT(MYSQL, net); AT(MYSQL, host); AT(MYSQL, user); AT(MYSQL, passwd); AT(MYSQL, unix_socket); AT(MYSQL, server_version);
    AT(MYSQL, host_info); AT(MYSQL, info); AT(MYSQL, db); AT(MYSQL, charset); AT(MYSQL, fields); AT(MYSQL, affected_rows);
    AT(MYSQL, insert_id); AT(MYSQL, thread_id); AT(MYSQL, port); AT(MYSQL, client_flag); AT(MYSQL, server_capabilities);
    AT(MYSQL, protocol_version); AT(MYSQL, field_count); AT(MYSQL, server_status); AT(MYSQL, server_language);
    AT(MYSQL, warning_count); AT(MYSQL, options); AT(MYSQL, status); AT(MYSQL, free_me); AT(MYSQL, stmts); AT(MYSQL, methods);
    AT(MYSQL, unbuffered_fetch_owner); AT(MYSQL, extension);
    AT(NET, pvio); AT(NET, fd); AT(NET, max_packet_size); AT(NET, pkt_nr); AT(NET, read_timeout); AT(NET, last_errno);
    AT(NET, last_error); AT(NET, sqlstate); AT(NET, extension);
    AT(struct st_mysql_options, connect_timeout); AT(struct st_mysql_options, client_flag); AT(struct st_mysql_options, host);
    AT(struct st_mysql_options, charset_name); AT(struct st_mysql_options, ssl_key); AT(struct st_mysql_options, ssl_cipher);
    AT(struct st_mysql_options, max_allowed_packet); AT(struct st_mysql_options, use_ssl); AT(struct st_mysql_options, reconnect);
    AT(struct st_mysql_options, report_data_truncation); AT(struct st_mysql_options, extension);
    AT(MYSQL_RES, row_count); AT(MYSQL_RES, field_count); AT(MYSQL_RES, current_field); AT(MYSQL_RES, fields); AT(MYSQL_RES, data);
    AT(MYSQL_RES, data_cursor); AT(MYSQL_RES, row); AT(MYSQL_RES, current_row); AT(MYSQL_RES, lengths); AT(MYSQL_RES, handle);
    AT(MYSQL_RES, eof); AT(MYSQL_ROWS, next); AT(MYSQL_ROWS, data); AT(MYSQL_ROWS, length); AT(MYSQL_DATA, rows);
    AT(MYSQL_FIELD, name); AT(MYSQL_FIELD, org_name); AT(MYSQL_FIELD, table); AT(MYSQL_FIELD, org_table); AT(MYSQL_FIELD, db);
    AT(MYSQL_FIELD, catalog); AT(MYSQL_FIELD, def); AT(MYSQL_FIELD, length); AT(MYSQL_FIELD, max_length);
    AT(MYSQL_FIELD, name_length); AT(MYSQL_FIELD, def_length); AT(MYSQL_FIELD, flags); AT(MYSQL_FIELD, decimals);
    AT(MYSQL_FIELD, charsetnr); AT(MYSQL_FIELD, type); AT(MYSQL_FIELD, extension);
    AT(MYSQL_BIND, length); AT(MYSQL_BIND, is_null); AT(MYSQL_BIND, buffer); AT(MYSQL_BIND, error); AT(MYSQL_BIND, u);
    AT(MYSQL_BIND, buffer_length); AT(MYSQL_BIND, offset); AT(MYSQL_BIND, length_value); AT(MYSQL_BIND, flags);
    AT(MYSQL_BIND, pack_length); AT(MYSQL_BIND, buffer_type); AT(MYSQL_BIND, error_value); AT(MYSQL_BIND, is_unsigned);
    AT(MYSQL_BIND, long_data_used); AT(MYSQL_BIND, is_null_value); AT(MYSQL_BIND, extension);
    AT(MYSQL_STMT, mysql); AT(MYSQL_STMT, stmt_id); AT(MYSQL_STMT, flags); AT(MYSQL_STMT, state); AT(MYSQL_STMT, fields);
    AT(MYSQL_STMT, field_count); AT(MYSQL_STMT, param_count); AT(MYSQL_STMT, params); AT(MYSQL_STMT, bind); AT(MYSQL_STMT, result);
    AT(MYSQL_STMT, result_cursor); AT(MYSQL_STMT, bind_result_done); AT(MYSQL_STMT, bind_param_done); AT(MYSQL_STMT, upsert_status);
    AT(MYSQL_STMT, last_errno); AT(MYSQL_STMT, last_error); AT(MYSQL_STMT, sqlstate); AT(MYSQL_STMT, prefetch_rows);
    AT(MYSQL_STMT, array_size); AT(MYSQL_STMT, row_size); AT(MYSQL_STMT, user_data);
    AT(MYSQL_TIME, year); AT(MYSQL_TIME, second); AT(MYSQL_TIME, second_part); AT(MYSQL_TIME, neg); AT(MYSQL_TIME, time_type);
    AT(MY_CHARSET_INFO, csname); AT(MY_CHARSET_INFO, mbmaxlen); AT(MARIADB_CHARSET_INFO, csname);
    AT(MARIADB_CHARSET_INFO, char_maxlen); AT(MARIADB_CHARSET_INFO, mb_valid);
    SIZE(MARIADB_RPL); SIZE(MARIADB_RPL_VALUE); SIZE(MARIADB_RPL_ROW); SIZE(MARIADB_GTID); SIZE(MARIADB_RPL_EVENT);
    AT(MARIADB_RPL, version); AT(MARIADB_RPL, mysql); AT(MARIADB_RPL, filename); AT(MARIADB_RPL, filename_length);
    AT(MARIADB_RPL, server_id); AT(MARIADB_RPL, start_position); AT(MARIADB_RPL, flags); AT(MARIADB_RPL, fd_header_len);
    AT(MARIADB_RPL, use_checksum); AT(MARIADB_RPL, artificial_checksum); AT(MARIADB_RPL, verify_checksum);
    AT(MARIADB_RPL, post_header_len); AT(MARIADB_RPL, fp); AT(MARIADB_RPL, error_no); AT(MARIADB_RPL, error_msg);
    AT(MARIADB_RPL, uncompress); AT(MARIADB_RPL, host); AT(MARIADB_RPL, port); AT(MARIADB_RPL, extract_values);
    AT(MARIADB_RPL, nonce); AT(MARIADB_RPL, encrypted); AT(MARIADB_RPL, is_semi_sync); AT(MARIADB_RPL, server_type);
    AT(MARIADB_RPL, num_post_header_lengths); AT(MARIADB_RPL_VALUE, field_type); AT(MARIADB_RPL_VALUE, is_null);
    AT(MARIADB_RPL_VALUE, is_signed); AT(MARIADB_RPL_VALUE, val); AT(MARIADB_RPL_ROW, column_count); AT(MARIADB_RPL_ROW, columns);
    AT(MARIADB_RPL_ROW, next); AT(MARIADB_RPL_EVENT, memroot); AT(MARIADB_RPL_EVENT, raw_data); AT(MARIADB_RPL_EVENT, raw_data_size);
    AT(MARIADB_RPL_EVENT, raw_data_ofs); AT(MARIADB_RPL_EVENT, checksum); AT(MARIADB_RPL_EVENT, ok);
    AT(MARIADB_RPL_EVENT, event_type); AT(MARIADB_RPL_EVENT, timestamp); AT(MARIADB_RPL_EVENT, server_id);
    AT(MARIADB_RPL_EVENT, event_length); AT(MARIADB_RPL_EVENT, next_event_pos); AT(MARIADB_RPL_EVENT, flags);
    AT(MARIADB_RPL_EVENT, event); AT(MARIADB_RPL_EVENT, event.rotate.filename); AT(MARIADB_RPL_EVENT, event.query.database);
    AT(MARIADB_RPL_EVENT, event.query.errornr); AT(MARIADB_RPL_EVENT, event.query.statement);
    AT(MARIADB_RPL_EVENT, event.format_description.server_version);
    AT(MARIADB_RPL_EVENT, event.format_description.post_header_lengths); AT(MARIADB_RPL_EVENT, event.gtid_list.gtid);
    AT(MARIADB_RPL_EVENT, event.gtid.commit_id); AT(MARIADB_RPL_EVENT, event.gtid.bqual_len); AT(MARIADB_RPL_EVENT, event.gtid.xid);
    AT(MARIADB_RPL_EVENT, event.table_map.column_count); AT(MARIADB_RPL_EVENT, event.table_map.metadata);
    AT(MARIADB_RPL_EVENT, event.table_map.signed_indicator); AT(MARIADB_RPL_EVENT, event.table_map.default_charset);
    AT(MARIADB_RPL_EVENT, event.table_map.enum_values); AT(MARIADB_RPL_EVENT, event.table_map.enum_set_default_charset);
    AT(MARIADB_RPL_EVENT, event.table_map.enum_set_column_charsets); AT(MARIADB_RPL_EVENT, event.rand.second_seed);
    AT(MARIADB_RPL_EVENT, event.intvar.type); AT(MARIADB_RPL_EVENT, event.uservar.charset_nr);
    AT(MARIADB_RPL_EVENT, event.uservar.value); AT(MARIADB_RPL_EVENT, event.uservar.flags);
    AT(MARIADB_RPL_EVENT, event.rows.table_id); AT(MARIADB_RPL_EVENT, event.rows.column_count);
    AT(MARIADB_RPL_EVENT, event.rows.column_bitmap); AT(MARIADB_RPL_EVENT, event.rows.row_data_size);
    AT(MARIADB_RPL_EVENT, event.rows.row_data); AT(MARIADB_RPL_EVENT, event.rows.extra_data);
    AT(MARIADB_RPL_EVENT, event.rows.compressed); AT(MARIADB_RPL_EVENT, event.rows.row_count);
    AT(MARIADB_RPL_EVENT, event.xa_prepare_log.bqual_len); AT(MARIADB_RPL_EVENT, event.xa_prepare_log.xid);
    AT(MARIADB_RPL_EVENT, event.begin_load_query.data); AT(MARIADB_RPL_EVENT, event.execute_load_query.file_id);
    AT(MARIADB_RPL_EVENT, event.execute_load_query.duplicate_flag); AT(MARIADB_RPL_EVENT, event.execute_load_query.statement);
    AT(MARIADB_RPL_EVENT, event.gtid_log.source_id); AT(MARIADB_RPL_EVENT, event.gtid_log.sequence_nr);
    AT(MARIADB_RPL_EVENT, event.start_encryption.nonce); AT(MARIADB_RPL_EVENT, is_semi_sync); AT(MARIADB_RPL_EVENT, semi_sync_flags);
    AT(MARIADB_RPL_EVENT, rpl);
    SIZE(struct st_mariadb_methods); AT(struct st_mariadb_methods, db_command); AT(struct st_mariadb_methods, db_read_query_result);
    AT(struct st_mariadb_methods, db_stmt_fetch); AT(struct st_mariadb_methods, set_error); AT(struct st_mariadb_methods, api);
    AT(struct st_mariadb_methods, db_execute_generate_request); SIZE(struct st_mariadb_api); AT(struct st_mariadb_api, mysql_query);
    AT(struct st_mariadb_api, mysql_reset_connection); AT(struct st_mariadb_api, mysql_stmt_init);
    return 0;
}
