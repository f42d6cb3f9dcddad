/* Intermediate results: see reports.h. */
#include "reports.h"

#include <stdlib.h>
#include <string.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/text.h"
#include "value.h"

#define SHOWN 80 /* bytes of a line that a note quotes */

bool eval_reports_add(struct eval_reports *reports, double step, double value)
{
    if (reports->count >= EVAL_REPORT_LIMIT) {
        reports->dropped++;
        return false;
    }
    dh_buffer_text(&reports->text, reports->count++ ? ", [" : "[[");
    dh_text_put_json_number(&reports->text, step);
    dh_buffer_text(&reports->text, ", ");
    dh_text_put_json_number(&reports->text, value);
    dh_buffer_text(&reports->text, "]");
    return true;
}

void eval_reports_miss(struct eval_reports *reports, const char *line)
{
    if (reports->unread++ > 0)
        return;
    struct dh_buffer text = {0};
    line += strspn(line, " \t");
    eval_value_put_utf8(&text, line, strnlen(line, SHOWN));
    reports->first_unread = dh_buffer_take(&text);
}

void eval_reports_hand_over(struct eval_reports *reports, struct dh_outcome *outcome)
{
    if (reports->count) {
        dh_buffer_text(&reports->text, "]");
        outcome->reports = dh_buffer_take(&reports->text);
    }
    if (reports->dropped || reports->unread) {
        struct dh_buffer tail = {0};
        dh_buffer_text(&tail, outcome->stderr_tail ? outcome->stderr_tail : "");
        if (tail.size && tail.data[tail.size - 1] != '\n')
            dh_buffer_text(&tail, "\n");
        if (reports->dropped)
            dh_buffer_printf(&tail, "[%zu reports beyond the first %d are dropped]\n",
                             reports->dropped, EVAL_REPORT_LIMIT);
        if (reports->unread)
            dh_buffer_printf(
                &tail, "[%zu DH-REPORT line%s without STEP VALUE, the first: \"%s\"]\n",
                reports->unread, reports->unread == 1 ? "" : "s", reports->first_unread);
        free(outcome->stderr_tail);
        outcome->stderr_tail = dh_buffer_take(&tail);
    }
    eval_reports_clear(reports);
}

void eval_reports_clear(struct eval_reports *reports)
{
    dh_buffer_free(&reports->text);
    free(reports->first_unread);
    *reports = (struct eval_reports){0};
}
