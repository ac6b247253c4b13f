/* pidgin-sipe of Debian 12 gives libxml2 callbacks of SAX1 and says that they are of SAX2. Since 2.9.14+dfsg-1.3~deb12u2 nobody
   is called then. This library takes the wrong word back; preloaded, it makes pidgin-sipe read documents again. */
#define _GNU_SOURCE
#include <dlfcn.h>

struct handler { /* xmlSAXHandler */
	void *callbacks[27];
	unsigned int initialized;
	void *private, *start_element_ns, *end_element_ns, *serror;
};

int xmlSAXUserParseMemory(struct handler *sax, void *data, const char *text, int size)
{
	int (*next)(struct handler *, void *, const char *, int) = dlsym(RTLD_NEXT, "xmlSAXUserParseMemory");

	if (!sax->start_element_ns && !sax->end_element_ns)
		sax->initialized = 0;
	return next(sax, data, text, size);
}
