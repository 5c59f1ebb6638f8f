/* Stands in for the system's libuv.so.1 where there is none: the functions that uvloop's own copy does not export. */

void *uv_handle_get_data(const void *handle) { return *(void *const *)handle; }

void uv_handle_set_data(void *handle, void *data) { *(void **)handle = data; }
