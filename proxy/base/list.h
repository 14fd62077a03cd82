// Intrusive doubly linked list: the link stands in the member, so that joining and leaving a list
// costs no memory and no search. A member is on at most one list through one link. One thread.
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct list {
    struct list *next; // of a head: the first member; of a lone link or an empty head: itself
    struct list *prev;
};

#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

static inline void list_init(struct list *list)
{
    list->next = list;
    list->prev = list;
}

static inline bool list_is_empty(const struct list *head)
{
    return head->next == head;
}

// Whether a link stands on some list. Only for links that list_init() or list_remove() has seen.
static inline bool list_is_linked(const struct list *link)
{
    return link->next != link;
}

static inline void list_insert_before(struct list *place, struct list *link)
{
    link->prev = place->prev;
    link->next = place;
    place->prev->next = link;
    place->prev = link;
}

static inline void list_push_back(struct list *head, struct list *link)
{
    list_insert_before(head, link);
}

static inline void list_push_front(struct list *head, struct list *link)
{
    list_insert_before(head->next, link);
}

// Takes a link off its list; a lone link stays alone.
static inline void list_remove(struct list *link)
{
    link->prev->next = link->next;
    link->next->prev = link->prev;
    list_init(link);
}

// Takes off and returns the first member, or NULL.
static inline struct list *list_pop_front(struct list *head)
{
    struct list *first = head->next;
    if (first == head) {
        return NULL;
    }
    list_remove(first);
    return first;
}

// Moves all members of `from` behind those of `to`; `from` is empty afterwards.
static inline void list_splice_back(struct list *to, struct list *from)
{
    if (!list_is_empty(from)) {
        from->next->prev = to->prev;
        to->prev->next = from->next;
        from->prev->next = to;
        to->prev = from->prev;
        list_init(from);
    }
}

#define list_entry(link, type, member) container_of(link, type, member)

// `link` runs over the members; the body may not take it off.
#define list_each(link, head)                                                                      \
    for (struct list *link = (head)->next; link != (head); link = link->next)
// The body may take `link` off its list, and no other.
#define list_each_safe(link, head)                                                                 \
    for (struct list *link = (head)->next, *link##_next = link->next; link != (head);              \
         link = link##_next, link##_next = link->next)
